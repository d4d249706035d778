import { DEVICE_TYPES, EVENT_KINDS } from '../../core/event.ts';
import type { TrackedEvent } from '../../core/event.ts';
import { MAX_EPOCH_MS } from '../../core/time.ts';
import { corrupt } from './byte-reader.ts';

/** Every event has one header of this size, all headers lie side by side: hot loops read them without decoding anything. */
export const HEADER_BYTES = 64;

/** Byte offset of each field within a header. */
export const HEADER = {
  kind: 0,
  deviceType: 1,
  flags: 2,
  ad: 4,
  publisher: 6,
  placement: 8,
  creative: 10,
  country: 12,
  screenedReason: 14,
  reserved: 15,
  eventTimeMs: 16,
  receivedAtMs: 24,
  idLo: 32,
  idHi: 36,
  viewerLo: 40,
  viewerHi: 44,
  joinLo: 48,
  joinHi: 52,
  reasonMask: 56,
  bodyBytes: 60,
} as const;

/** Reasons index a 32-bit mask. */
export const REASON_LIMIT = 32;

const KIND_MAX = Math.max(...Object.values(EVENT_KINDS));
const FIRST_PRINTABLE = 0x21;
const LAST_PRINTABLE = 0x7e;

/** A time that may be stored: whole milliseconds from 1970 to `MAX_EPOCH_MS`. */
export function isEpochMs(timeMs: number): boolean {
  return Number.isInteger(timeMs) && timeMs >= 0 && timeMs <= MAX_EPOCH_MS;
}

/** Two letters as one number; 0 for none, −1 for what is no country code. */
export function packCountry(country: string): number {
  if (country === '') return 0;
  if (country.length !== 2) return -1;
  const code = country.charCodeAt(0) | (country.charCodeAt(1) << 8);
  return isCountryCode(code) ? code : -1;
}

/** The two letters of `packCountry`. */
export function countryText(code: number): string {
  return code === 0 ? '' : String.fromCharCode(code & 0xff, code >> 8);
}

/** Fills a zeroed header with everything but its indices into the batch's strings. */
export function writeHeader(view: DataView, at: number, event: TrackedEvent, bodyBytes: number): void {
  view.setUint8(at + HEADER.kind, event.kind);
  view.setUint8(at + HEADER.deviceType, DEVICE_TYPES.indexOf(event.deviceType));
  view.setUint16(at + HEADER.flags, event.flags, true);
  view.setUint16(at + HEADER.ad, event.ad, true);
  view.setUint16(at + HEADER.country, packCountry(event.country), true);
  view.setUint8(at + HEADER.screenedReason, event.screenedReason);
  view.setFloat64(at + HEADER.eventTimeMs, event.eventTimeMs, true);
  view.setFloat64(at + HEADER.receivedAtMs, event.receivedAtMs, true);
  view.setUint32(at + HEADER.idLo, event.id.lo, true);
  view.setUint32(at + HEADER.idHi, event.id.hi, true);
  view.setUint32(at + HEADER.viewerLo, event.viewer.lo, true);
  view.setUint32(at + HEADER.viewerHi, event.viewer.hi, true);
  view.setUint32(at + HEADER.joinLo, event.join.lo, true);
  view.setUint32(at + HEADER.joinHi, event.join.hi, true);
  view.setUint32(at + HEADER.reasonMask, event.reasonMask, true);
  view.setUint32(at + HEADER.bodyBytes, bodyBytes, true);
}

/** Refuses a header that names what the batch does not have; `at` is the header's first byte. */
export function checkHeader(view: DataView, at: number, limits: { readonly ads: number; readonly strings: number }): void {
  const kind = view.getUint8(at + HEADER.kind);
  if (kind < 1 || kind > KIND_MAX) corrupt(`unknown event kind ${kind}`);
  if (view.getUint8(at + HEADER.deviceType) >= DEVICE_TYPES.length) corrupt('unknown device type');
  if (view.getUint16(at + HEADER.ad, true) >= limits.ads) corrupt('ad is not in the batch');
  for (const field of STRING_FIELDS) {
    if (view.getUint16(at + field, true) >= limits.strings) corrupt('string is not in the batch');
  }
  const country = view.getUint16(at + HEADER.country, true);
  if (country !== 0 && !isCountryCode(country)) corrupt('country is not two letters');
  if (view.getUint8(at + HEADER.screenedReason) >= REASON_LIMIT) corrupt('unknown screening reason');
  if (view.getUint8(at + HEADER.reserved) !== 0) corrupt('reserved byte is in use');
  if (!isEpochMs(view.getFloat64(at + HEADER.eventTimeMs, true))) corrupt('event time is out of range');
  if (!isEpochMs(view.getFloat64(at + HEADER.receivedAtMs, true))) corrupt('received time is out of range');
}

const STRING_FIELDS = [HEADER.publisher, HEADER.placement, HEADER.creative] as const;

function isCountryCode(code: number): boolean {
  return isPrintable(code & 0xff) && isPrintable(code >> 8);
}

function isPrintable(char: number): boolean {
  return char >= FIRST_PRINTABLE && char <= LAST_PRINTABLE;
}
