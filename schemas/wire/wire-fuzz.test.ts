import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TrackingError } from '../../core/errors.ts';
import { decodeCommit, encodeCommit } from './commit.ts';
import { decodeDeltaSection, encodeDeltaSection } from './delta-section.ts';
import { EventBatchReader } from './event-batch.ts';
import { decodeFrame, encodeFrame } from './frame.ts';
import { decodeRawSection, encodeRawSection } from './raw-section.ts';
import { anyBatch, anyCommit, anyDelta, anyFrameHeader, anyLedgerRow, batchBytes } from './wire-arbitraries.ts';

/** Reads everything that a reader could touch, so that an accessor that fails late is found. */
const readBatch = (bytes: Uint8Array): void => {
  const reader = new EventBatchReader(bytes);
  for (let i = 0; i < reader.eventCount; i++) {
    reader.event(i);
    reader.dimensions(i);
    reader.clickId(i);
  }
};

const anySection = fc.record({ rows: fc.array(anyDelta, { maxLength: 10 }), ledger: fc.array(anyLedgerRow, { maxLength: 4 }) });
const anyRawCommits = fc.array(fc.uint8Array({ minLength: 20, maxLength: 40 }), { maxLength: 4 }).map((blobs) => blobs.map((bytes, row) => ({ row, bytes })));
const anyFrame = fc.record({ header: anyFrameHeader, deltas: fc.uint8Array(), raw: fc.uint8Array() });

const FORMATS: readonly { name: string; valid: fc.Arbitrary<Uint8Array>; decode: (bytes: Uint8Array) => unknown }[] = [
  { name: 'event batch', valid: anyBatch.map(batchBytes), decode: readBatch },
  { name: 'commit', valid: anyCommit.map(({ input, ...commit }) => encodeCommit({ ...commit, batch: batchBytes(input) })), decode: decodeCommit },
  { name: 'delta section', valid: anySection.map(encodeDeltaSection), decode: decodeDeltaSection },
  { name: 'raw section', valid: anyRawCommits.map(encodeRawSection), decode: decodeRawSection },
  { name: 'frame', valid: anyFrame.map(encodeFrame), decode: decodeFrame },
];

const RUNS = { numRuns: 400 };

/** One byte set, several bytes set, a cut, a splice, a tail. */
const anyDamage = fc.oneof(
  fc.record({ kind: fc.constant('set' as const), at: fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }) }),
  fc.record({ kind: fc.constant('cut' as const), at: fc.nat() }),
  fc.record({ kind: fc.constant('insert' as const), at: fc.nat(), bytes: fc.uint8Array({ minLength: 1, maxLength: 9 }) }),
  fc.record({ kind: fc.constant('remove' as const), at: fc.nat(), count: fc.integer({ min: 1, max: 9 }) }),
);

function damaged(bytes: Uint8Array, damage: typeof anyDamage extends fc.Arbitrary<infer D> ? D : never): Uint8Array {
  const at = typeof damage.at === 'number' ? damage.at % (bytes.length + 1) : 0;
  if (damage.kind === 'cut') return bytes.slice(0, at);
  if (damage.kind === 'insert') return Uint8Array.from([...bytes.slice(0, at), ...damage.bytes, ...bytes.slice(at)]);
  if (damage.kind === 'remove') return Uint8Array.from([...bytes.slice(0, at), ...bytes.slice(at + damage.count)]);
  const copy = bytes.slice();
  for (const [offset, value] of damage.at) copy[offset % copy.length] = value;
  return copy;
}

function decodesOrRefuses(decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): void {
  try {
    decode(bytes);
  } catch (error) {
    if (!(error instanceof TrackingError) || error.code !== 'corrupt_bytes') throw error;
  }
}

describe.each(FORMATS)('$name', ({ valid, decode }) => {
  test('damaged bytes decode or are refused as corrupt, never anything else', () => {
    fc.assert(fc.property(valid, anyDamage, (bytes, damage) => decodesOrRefuses(decode, damaged(bytes, damage))), RUNS);
  });

  test('random bytes are refused or decode', () => {
    const anyBytes = fc.uint8Array({ maxLength: 200 }).map((bytes) => Uint8Array.from([1, ...bytes]));
    fc.assert(fc.property(anyBytes, (bytes) => decodesOrRefuses(decode, bytes)), RUNS);
  });

  test('every proper prefix is refused', () => {
    fc.assert(
      fc.property(valid, (bytes) => {
        for (let length = 0; length < bytes.length; length++) expect(() => decode(bytes.slice(0, length))).toThrow(TrackingError);
      }),
      { numRuns: 10 },
    );
  });

  test('a byte after the end is refused', () => {
    fc.assert(
      fc.property(valid, (bytes) => {
        expect(() => decode(Uint8Array.from([...bytes, 0]))).toThrow(TrackingError);
      }),
      { numRuns: 20 },
    );
  });

  test('bytes that lie within a larger buffer read the same', () => {
    fc.assert(
      fc.property(valid, (bytes) => {
        const padded = new Uint8Array(bytes.length + 11);
        padded.set(bytes, 5);
        expect(() => decode(padded.subarray(5, 5 + bytes.length))).not.toThrow();
      }),
      { numRuns: 20 },
    );
  });
});
