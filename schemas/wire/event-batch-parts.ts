import type { AdTerms, EdgeTally } from '../../core/event.ts';
import { MAX_EPOCH_MS, SECOND_MS } from '../../core/time.ts';
import { MIN_AD_TERMS_BYTES, readAdTerms } from './ad-terms.ts';
import { ByteReader, corrupt } from './byte-reader.ts';
import { checkBody } from './event-body.ts';
import { HEADER, HEADER_BYTES, checkHeader } from './event-header.ts';

export const EVENT_BATCH_VERSION = 1;
/** Events are numbered in 16 bits. */
export const MAX_BATCH_EVENTS = 65_535;
/** So are ads and strings. */
export const MAX_DICTIONARY = 65_535;
/** A commit (batch, judgements, corrections) must fit a SQLite row of 2 MB; edges stop filling a batch well before. */
export const MAX_BATCH_BYTES = 1_572_864;
const MIN_TALLY_BYTES = 4;
const MIN_BODY_BYTES = 1;

/** A batch, taken apart and checked from end to end. */
export type BatchParts = {
  readonly bytes: Uint8Array;
  /** The same bytes. */
  readonly view: DataView;
  /** The same bytes, for bodies to be read through; between reads it stands anywhere. */
  readonly bodies: ByteReader;
  readonly ads: readonly AdTerms[];
  /** The batch's dictionary; index 0 is ''. */
  readonly strings: readonly string[];
  readonly tallies: readonly EdgeTally[];
  readonly eventCount: number;
  readonly headersAt: number;
  /** Start of each body, and the end of the last. */
  readonly bodyAt: Uint32Array;
};

/** Takes a batch apart; whatever is not a batch from end to end throws `TrackingError('corrupt_bytes')`. */
export function openBatch(bytes: Uint8Array): BatchParts {
  if (bytes.length > MAX_BATCH_BYTES) corrupt(`a batch of ${bytes.length} bytes is above the limit`);
  const reader = new ByteReader(bytes);
  if (reader.u8() !== EVENT_BATCH_VERSION) corrupt('unknown event batch version');
  const ads = readAds(reader);
  const strings = readStrings(reader);
  const tallies = readTallies(reader, strings);
  const eventCount = reader.count(HEADER_BYTES + MIN_BODY_BYTES);
  if (eventCount > MAX_BATCH_EVENTS) corrupt(`${eventCount} events are above the limit`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headersAt = reader.offset;
  const bodyAt = checkEvents({ view, bodies: reader, ads, strings, eventCount, headersAt });
  return { bytes, view, bodies: reader, ads, strings, tallies, eventCount, headersAt, bodyAt };
}

function checkEvents({ view, bodies, ads, strings, eventCount, headersAt }: Omit<BatchParts, 'bodyAt' | 'bytes' | 'tallies'>): Uint32Array {
  const limits = { ads: ads.length, strings: strings.length };
  const starts = new Uint32Array(eventCount + 1);
  let bodyAt = headersAt + eventCount * HEADER_BYTES;
  for (let i = 0; i < eventCount; i++) {
    const at = headersAt + i * HEADER_BYTES;
    checkHeader(view, at, limits);
    const end = bodyAt + view.getUint32(at + HEADER.bodyBytes, true);
    checkBody(bodies.window(bodyAt, end), view.getFloat64(at + HEADER.eventTimeMs, true), limits.strings);
    starts[i] = bodyAt;
    bodyAt = end;
  }
  starts[eventCount] = bodyAt;
  if (bodyAt !== view.byteLength) corrupt('bytes after the last body');
  return starts;
}

function readAds(reader: ByteReader): AdTerms[] {
  const count = reader.count(MIN_AD_TERMS_BYTES);
  if (count > MAX_DICTIONARY) corrupt(`${count} ads are above the limit`);
  const ads: AdTerms[] = [];
  for (let i = 0; i < count; i++) ads.push(readAdTerms(reader));
  return ads;
}

function readStrings(reader: ByteReader): string[] {
  const count = reader.count(1);
  if (count >= MAX_DICTIONARY) corrupt(`${count} strings are above the limit`);
  const strings = [''];
  for (let i = 0; i < count; i++) strings.push(reader.string());
  return strings;
}

function readTallies(reader: ByteReader, strings: readonly string[]): EdgeTally[] {
  const count = reader.count(MIN_TALLY_BYTES);
  const tallies: EdgeTally[] = [];
  for (let i = 0; i < count; i++) {
    tallies.push({
      region: strings[reader.below(strings.length, 'tally region')]!,
      receivedSecond: reader.below(MAX_EPOCH_MS / SECOND_MS + 1, 'tally second'),
      rejection: strings[reader.below(strings.length, 'tally rejection')]!,
      count: reader.varint(),
    });
  }
  return tallies;
}
