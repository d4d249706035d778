import { SLOT, type EventField } from '../event-json/field-reader.ts';

/**
 * How a field's value is written.
 * - `shared`: index into the body's dictionary; values that repeat.
 * - `id`: an event's id. Its byte length and its bytes; length 0: 16 bytes that are read as 22 base64url characters (a token's nonce).
 * - `text`: byte length and UTF-8.
 * - `whole`: a whole number, seven bits a byte, low bits first.
 * - `flag`: one byte, 0 or 1.
 * - `json`: byte length and JSON.
 */
export type FieldForm = 'shared' | 'id' | 'text' | 'whole' | 'flag' | 'json';

/** Bit n of an event's mask is the n-th of these: append only. `schemaVersion` is the body's version byte, `timestamp` has no spelling of its own here. */
export const BINARY_FIELDS = [
  ['eventId', 'id'],
  ['clickId', 'id'],
  ['impressionId', 'id'],
  ['conversionId', 'id'],
  ['adId', 'shared'],
  ['campaignId', 'shared'],
  ['creativeId', 'shared'],
  ['publisherId', 'shared'],
  ['placementId', 'shared'],
  ['timestampMs', 'whole'],
  ['receivedAtMs', 'whole'],
  ['userPseudoId', 'text'],
  ['ipHash', 'text'],
  ['userAgent', 'shared'],
  ['deviceType', 'shared'],
  ['country', 'shared'],
  ['referrer', 'shared'],
  ['bidRequestId', 'text'],
  ['valueMicros', 'whole'],
  ['currency', 'shared'],
  ['token', 'text'],
  ['viewable', 'flag'],
  ['consent', 'json'],
] as const satisfies readonly (readonly [EventField, FieldForm])[];

/** The same, as the reader's loop wants it. */
export const FIELD_SLOTS: readonly number[] = BINARY_FIELDS.map(([field]) => SLOT[field]);
export const FIELD_FORMS: readonly FieldForm[] = BINARY_FIELDS.map(([, form]) => form);

/** An event's first byte. Codes are public: never renumber. */
export const EVENT_TYPE_CODES = ['', 'impression', 'click', 'conversion', 'viewable'] as const;

export const BINARY_EVENTS_VERSION = 1;
/** Ten shared fields of each of a thousand events: more entries than that cannot all be used. */
export const MAX_DICTIONARY = 10_000;
