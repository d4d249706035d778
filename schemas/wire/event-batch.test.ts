import { describe, expect, test } from 'vitest';
import { TrackingError } from '../../core/errors.ts';
import { NO_KEY } from '../../core/event.ts';
import type { AdTerms, TrackedEvent } from '../../core/event.ts';
import { FREE } from '../../core/money.ts';
import { adTerms } from '../testing/ad-terms.ts';
import { ByteWriter } from './byte-writer.ts';
import { EventBatchReader, EventBatchWriter } from './event-batch.ts';
import { MAX_BATCH_BYTES } from './event-batch-parts.ts';
import { HEADER, HEADER_BYTES } from './event-header.ts';

const terms = (adId: string): AdTerms => ({ ...adTerms(adId), pricing: FREE });

const NONCE = 'AAECAwQFBgcICQoLDA0ODw';
const click = (changes: Partial<TrackedEvent> = {}): TrackedEvent => ({
  kind: 2,
  flags: 0,
  eventTimeMs: 1_700_000_000_000,
  receivedAtMs: 1_700_000_000_000,
  id: { lo: 1, hi: 1 },
  viewer: NO_KEY,
  join: NO_KEY,
  screenedReason: 0,
  reasonMask: 0,
  ad: 0,
  eventId: NONCE,
  publisherId: '',
  placementId: '',
  creativeId: '',
  country: '',
  deviceType: 'other',
  detail: { impressionId: NONCE, clickId: NONCE, referrer: '', userAgent: '', ipPrefix: '', bidRequestId: '', valueMicros: 0, currency: '', pop: '', claimedTimeMs: 1_700_000_000_000 },
  ...changes,
});

const writerWithAd = (): EventBatchWriter => {
  const writer = new EventBatchWriter();
  writer.adIndex(terms('ad-1'));
  return writer;
};

describe('size', () => {
  test('a token’s click costs a header, a mask and its nonce once', () => {
    const writer = writerWithAd();
    const before = writer.byteLength;
    writer.add(click());
    expect(writer.byteLength - before).toBe(HEADER_BYTES + 1 + 16);
  });

  test('a text that repeats is written once', () => {
    const writer = writerWithAd();
    const agent = 'Mozilla/5.0 '.repeat(20);
    for (let i = 0; i < 10; i++) writer.add(click({ detail: { ...click().detail, userAgent: agent } }));
    expect(writer.byteLength).toBeLessThan(10 * (HEADER_BYTES + 20) + 2 * agent.length);
  });
});

test('a writer that was cleared writes what a new one would', () => {
  const fill = (writer: EventBatchWriter): Uint8Array => {
    writer.adIndex(terms('ad-2'));
    writer.add(click({ publisherId: 'pub-2', country: 'DE', detail: { ...click().detail, userAgent: 'agent' } }));
    writer.tally({ region: 'eu', receivedSecond: 5, rejection: '', count: 1 });
    return writer.finish();
  };
  const used = writerWithAd();
  used.add(click({ publisherId: 'pub-1', placementId: 'pl-1' }));
  used.tally({ region: 'us', receivedSecond: 5, rejection: 'malformed', count: 1 });
  const first = used.finish();
  const firstAsWritten = first.slice();
  used.clear();
  expect(fill(used)).toEqual(fill(new EventBatchWriter()));
  expect(first).toEqual(firstAsWritten);
});

describe('limits', () => {
  test('a batch says that it is full before it has to refuse, and a full one can be read', () => {
    const writer = writerWithAd();
    let added = 0;
    for (; !writer.isFull; added++) writer.add(click({ publisherId: `pub-${added}`, placementId: `pl-${added}`, creativeId: `cr-${added}` }));
    expect(() => writer.add(click())).toThrow('room');
    expect(added).toBeGreaterThan(10_000);
    expect(writer.byteLength).toBeLessThan(MAX_BATCH_BYTES);
    expect(new EventBatchReader(writer.finish()).eventCount).toBe(added);
  });

  test('texts beyond the shared dictionary are written out and come back', () => {
    const writer = writerWithAd();
    for (let i = 0; i < 16_500; i++) writer.add(click({ eventId: '', detail: { ...click().detail, impressionId: '', clickId: '', pop: i.toString(36) } }));
    const reader = new EventBatchReader(writer.finish());
    for (const i of [0, 16_382, 16_383, 16_499]) expect(reader.detail(i).pop).toBe(i.toString(36));
  });
});

test.each([
  ['a fraction of a millisecond', { eventTimeMs: 0.5 }],
  ['a time before 1970', { receivedAtMs: -1 }],
  ['a country of three letters', { country: 'USA' }],
  ['an ad that the batch does not have', { ad: 1 }],
  ['an unknown screening reason', { screenedReason: 32 }],
])('an event with %s is a bug, and leaves no trace in the batch', (_, changes) => {
  const writer = writerWithAd();
  const before = writer.byteLength;
  expect(() => writer.add(click(changes))).toThrow('assertion failed');
  expect(writer.byteLength).toBe(before);
});

describe('a header that lies is refused', () => {
  const bytes = (() => {
    const writer = writerWithAd();
    writer.add(click());
    return writer.finish();
  })();
  const header = bytes.length - HEADER_BYTES - 17;
  const set = (field: number, write: (view: DataView, at: number) => void): Uint8Array => {
    const copy = bytes.slice();
    write(new DataView(copy.buffer), header + field);
    return copy;
  };

  test.each([
    ['kind 0', set(HEADER.kind, (view, at) => view.setUint8(at, 0))],
    ['kind 5', set(HEADER.kind, (view, at) => view.setUint8(at, 5))],
    ['an unknown device', set(HEADER.deviceType, (view, at) => view.setUint8(at, 99))],
    ['an ad out of range', set(HEADER.ad, (view, at) => view.setUint16(at, 1, true))],
    ['a publisher out of range', set(HEADER.publisher, (view, at) => view.setUint16(at, 1, true))],
    ['a country that is no text', set(HEADER.country, (view, at) => view.setUint16(at, 0x0141, true))],
    ['a reason beyond the mask', set(HEADER.screenedReason, (view, at) => view.setUint8(at, 32))],
    ['a reserved byte', set(HEADER.reserved, (view, at) => view.setUint8(at, 1))],
    ['no number for a time', set(HEADER.eventTimeMs, (view, at) => view.setFloat64(at, NaN, true))],
    ['an endless time', set(HEADER.receivedAtMs, (view, at) => view.setFloat64(at, Infinity, true))],
    ['a body of 4 GB', set(HEADER.bodyBytes, (view, at) => view.setUint32(at, 0xffff_ffff, true))],
    ['a body one byte short', set(HEADER.bodyBytes, (view, at) => view.setUint32(at, 16, true))],
  ])('%s', (_, lying) => {
    expect(() => new EventBatchReader(bytes)).not.toThrow();
    expect(() => new EventBatchReader(lying)).toThrow(TrackingError);
  });
});

test('counts of billions in a few bytes are refused without their memory', () => {
  const before = process.memoryUsage().heapTotal + process.memoryUsage().arrayBuffers;
  for (let countsBefore = 0; countsBefore < 4; countsBefore++) {
    const writer = new ByteWriter();
    writer.u8(1);
    for (let i = 0; i < countsBefore; i++) writer.varint(0);
    writer.varint(2 ** 40);
    expect(() => new EventBatchReader(writer.finish())).toThrow(TrackingError);
  }
  expect(process.memoryUsage().heapTotal + process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1_048_576);
});
