import { TrackingError } from '../../core/errors.ts';
import { ByteWriter, type OwnedBytes } from '../wire/byte-writer.ts';
import { NONCE_BYTES, packNonce } from '../wire/nonce-text.ts';
import { BINARY_EVENTS_VERSION, BINARY_FIELDS, EVENT_TYPE_CODES, type FieldForm } from './fields.ts';

/** An event as its sender would write it in JSON, camelCase. */
export type EventToSend = Readonly<Record<string, unknown>>;

/**
 * The sender's side: a body of `application/vnd.edgetally.events` that means exactly what `{"events": […]}` would. Absent are
 * undefined, null and ''. Throws `corrupt_bytes` for what the format cannot say: an unknown field or type, a value of another form, half a
 * surrogate pair, which has no UTF-8.
 */
export function encodeEvents(events: readonly EventToSend[]): OwnedBytes {
  const dictionary = new Map<string, number>();
  const strings = new ByteWriter();
  const shared = (text: string): number => {
    const known = dictionary.get(text);
    if (known !== undefined) return known;
    const index = dictionary.size;
    dictionary.set(text, index);
    strings.string(text);
    return index;
  };
  const rows = new ByteWriter(events.length * 96);
  for (const event of events) writeEvent(rows, event, shared);
  const out = new ByteWriter(rows.length + strings.length + 16);
  out.u8(BINARY_EVENTS_VERSION);
  out.varint(dictionary.size);
  out.bytes(strings.written());
  out.varint(events.length);
  out.bytes(rows.written());
  return out.finish();
}

const KNOWN_FIELDS: ReadonlySet<string> = new Set(['eventType', ...BINARY_FIELDS.map(([field]) => field)]);

function writeEvent(rows: ByteWriter, event: EventToSend, shared: (text: string) => number): void {
  const unknown = Object.keys(event).find((key) => !KNOWN_FIELDS.has(key));
  if (unknown !== undefined) throw refused(`the format has no field ${unknown}`);
  const type = EVENT_TYPE_CODES.indexOf(event['eventType'] as (typeof EVENT_TYPE_CODES)[number]);
  if (type < 1) throw refused('eventType is none of the format\'s');
  let mask = 0;
  for (const [bit, [field]] of BINARY_FIELDS.entries()) if (isGiven(event[field])) mask |= 1 << bit;
  rows.u8(type);
  rows.varint(mask);
  for (const [field, form] of BINARY_FIELDS) if (isGiven(event[field])) writeValue(rows, form, event[field], shared);
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}

const nonce = new Uint8Array(NONCE_BYTES);

function writeValue(rows: ByteWriter, form: FieldForm, value: unknown, shared: (text: string) => number): void {
  if (form === 'json') return rows.string(JSON.stringify(value));
  if (form === 'flag') return rows.u8(value === true || value === 1 ? 1 : isNo(value) ? 0 : fail(form));
  if (form === 'whole') return rows.varint(typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : fail(form));
  const text = typeof value === 'string' && value.isWellFormed() ? value : fail(form);
  if (form === 'shared') return rows.varint(shared(text));
  if (form === 'text' || !packNonce(text, nonce, 0)) return rows.string(text);
  rows.varint(0);
  rows.bytes(nonce);
}

function isNo(value: unknown): boolean {
  return value === false || value === 0;
}

function fail(form: FieldForm): never {
  throw refused(`a value is no ${form}`);
}

function refused(message: string): TrackingError {
  return new TrackingError('corrupt_bytes', message);
}
