import type { EventDetail } from '../../core/event.ts';
import { type ByteReader, corrupt, lenientText } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';
import { isEpochMs } from './event-header.ts';
import { NONCE_BYTES, packNonce, unpackNonce } from './nonce-text.ts';

/**
 * What follows an event's header: a presence mask, then only the fields that are there, in the order of `BODY_FIELDS`.
 * Ids have two mask bits each, everything else one.
 */
export const BODY_FIELDS = [
  'eventId:2',
  'impressionId:2',
  'clickId:2',
  'referrer:text',
  'userAgent:shared',
  'ipPrefix:shared',
  'bidRequestId:text',
  'valueMicros:signed',
  'currency:shared',
  'pop:shared',
  'claimedTimeMs:signed, minus eventTimeMs',
] as const;

/** How an id is written; `sameAsEvent` costs nothing. */
const ID = { absent: 0, text: 1, nonce: 2, sameAsEvent: 3 } as const;
const SHIFT = { eventId: 0, impressionId: 2, clickId: 4 } as const;
const BIT = { referrer: 1 << 6, userAgent: 1 << 7, ipPrefix: 1 << 8, bidRequestId: 1 << 9, valueMicros: 1 << 10, currency: 1 << 11, pop: 1 << 12, claimedTimeMs: 1 << 13 };
const MASK_LIMIT = 1 << 14;

/** What `idForm` packs and `writeId` writes: an event's three ids. */
const [ownNonce, impressionNonce, clickNonce] = [new Uint8Array(NONCE_BYTES), new Uint8Array(NONCE_BYTES), new Uint8Array(NONCE_BYTES)] as const;

/** Where a repeated text lives: index in the batch's dictionary, 0 when it must be written out. */
export type SharedText = (text: string) => number;

/** Appends one body to `writer`. */
export function writeBody(writer: ByteWriter, event: { eventId: string; eventTimeMs: number; detail: EventDetail }, shared: SharedText): void {
  const { eventId, detail } = event;
  const eventForm = idForm(eventId, '', ownNonce);
  const impressionForm = idForm(detail.impressionId, eventId, impressionNonce);
  const clickForm = idForm(detail.clickId, eventId, clickNonce);
  const mask = eventForm | (impressionForm << SHIFT.impressionId) | (clickForm << SHIFT.clickId) | presence(event.eventTimeMs, detail);
  writer.varint(mask);
  writeId(writer, eventForm, eventId, ownNonce);
  writeId(writer, impressionForm, detail.impressionId, impressionNonce);
  writeId(writer, clickForm, detail.clickId, clickNonce);
  if (mask & BIT.referrer) writer.string(detail.referrer);
  if (mask & BIT.userAgent) writeShared(writer, detail.userAgent, shared);
  if (mask & BIT.ipPrefix) writeShared(writer, detail.ipPrefix, shared);
  if (mask & BIT.bidRequestId) writer.string(detail.bidRequestId);
  if (mask & BIT.valueMicros) writer.signed(detail.valueMicros);
  if (mask & BIT.currency) writeShared(writer, detail.currency, shared);
  if (mask & BIT.pop) writeShared(writer, detail.pop, shared);
  if (mask & BIT.claimedTimeMs) writer.signed(detail.claimedTimeMs - event.eventTimeMs);
}

/** Walks one body and refuses what `readDetail` could not read; the reader's window must hold exactly one. */
export function checkBody(reader: ByteReader, eventTimeMs: number, stringCount: number): void {
  const mask = reader.below(MASK_LIMIT, 'body mask');
  if (((mask >> SHIFT.eventId) & 3) === ID.sameAsEvent) corrupt('an event id cannot stand for itself');
  skipId(reader, (mask >> SHIFT.eventId) & 3);
  skipId(reader, (mask >> SHIFT.impressionId) & 3);
  skipId(reader, (mask >> SHIFT.clickId) & 3);
  if (mask & BIT.referrer) skipText(reader);
  if (mask & BIT.userAgent) skipShared(reader, stringCount);
  if (mask & BIT.ipPrefix) skipShared(reader, stringCount);
  if (mask & BIT.bidRequestId) skipText(reader);
  if (mask & BIT.valueMicros) reader.signed();
  if (mask & BIT.currency) skipShared(reader, stringCount);
  if (mask & BIT.pop) skipShared(reader, stringCount);
  if (mask & BIT.claimedTimeMs && !isEpochMs(eventTimeMs + reader.signed())) corrupt('claimed time is out of range');
  reader.end();
}

/** The event's own id, from a body that `checkBody` let pass. */
export function readEventId(reader: ByteReader): string {
  return readId(reader, reader.varint() & 3, '');
}

/** The click's id that the event carries, '' for none. */
export function readClickId(reader: ByteReader): string {
  const mask = reader.varint();
  const eventId = readId(reader, (mask >> SHIFT.eventId) & 3, '');
  skipId(reader, (mask >> SHIFT.impressionId) & 3);
  return readId(reader, (mask >> SHIFT.clickId) & 3, eventId);
}

/** Everything else that only the raw log keeps, from a body that `checkBody` let pass. */
export function readDetail(reader: ByteReader, eventTimeMs: number, strings: readonly string[]): EventDetail {
  const mask = reader.varint();
  const eventId = readId(reader, (mask >> SHIFT.eventId) & 3, '');
  return {
    impressionId: readId(reader, (mask >> SHIFT.impressionId) & 3, eventId),
    clickId: readId(reader, (mask >> SHIFT.clickId) & 3, eventId),
    referrer: mask & BIT.referrer ? readText(reader) : '',
    userAgent: mask & BIT.userAgent ? readShared(reader, strings) : '',
    ipPrefix: mask & BIT.ipPrefix ? readShared(reader, strings) : '',
    bidRequestId: mask & BIT.bidRequestId ? readText(reader) : '',
    valueMicros: mask & BIT.valueMicros ? reader.signed() : 0,
    currency: mask & BIT.currency ? readShared(reader, strings) : '',
    pop: mask & BIT.pop ? readShared(reader, strings) : '',
    claimedTimeMs: mask & BIT.claimedTimeMs ? eventTimeMs + reader.signed() : eventTimeMs,
  };
}

function presence(eventTimeMs: number, detail: EventDetail): number {
  return (
    (detail.referrer === '' ? 0 : BIT.referrer) |
    (detail.userAgent === '' ? 0 : BIT.userAgent) |
    (detail.ipPrefix === '' ? 0 : BIT.ipPrefix) |
    (detail.bidRequestId === '' ? 0 : BIT.bidRequestId) |
    (detail.valueMicros === 0 ? 0 : BIT.valueMicros) |
    (detail.currency === '' ? 0 : BIT.currency) |
    (detail.pop === '' ? 0 : BIT.pop) |
    (detail.claimedTimeMs === eventTimeMs ? 0 : BIT.claimedTimeMs)
  );
}

/** How an id is written; a nonce's bytes are in `nonce` from here on. */
function idForm(id: string, eventId: string, nonce: Uint8Array): number {
  if (id === '') return ID.absent;
  if (id === eventId) return ID.sameAsEvent;
  return packNonce(id, nonce, 0) ? ID.nonce : ID.text;
}

function writeId(writer: ByteWriter, form: number, id: string, nonce: Uint8Array): void {
  if (form === ID.text) writer.string(id);
  else if (form === ID.nonce) writer.bytes(nonce);
}

function skipId(reader: ByteReader, form: number): void {
  if (form === ID.text) skipText(reader);
  else if (form === ID.nonce) reader.skip(NONCE_BYTES);
}

function readId(reader: ByteReader, form: number, eventId: string): string {
  if (form === ID.text) return readText(reader);
  if (form === ID.nonce) return unpackNonce(reader.take(NONCE_BYTES), 0);
  return form === ID.sameAsEvent ? eventId : '';
}

function writeShared(writer: ByteWriter, text: string, shared: SharedText): void {
  const index = shared(text);
  writer.varint(index);
  if (index === 0) writer.string(text);
}

function skipShared(reader: ByteReader, stringCount: number): void {
  if (reader.below(stringCount, 'string') === 0) skipText(reader);
}

function readShared(reader: ByteReader, strings: readonly string[]): string {
  const index = reader.varint();
  return index === 0 ? readText(reader) : strings[index]!;
}

function skipText(reader: ByteReader): void {
  reader.skip(reader.varint());
}

function readText(reader: ByteReader): string {
  return lenientText(reader.lengthAndBytes());
}
