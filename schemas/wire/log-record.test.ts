import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TrackingError } from '../../core/errors.ts';
import type { FrameHeader } from './frame.ts';
import type { HubLedgerRow } from './log-record.ts';
import { LOG_RECORD_FORMAT, decodeDeltasRecord, decodeRawRecord, encodeDeltasRecord, encodeRawRecord } from './log-record.ts';

const header: FrameHeader = {
  shard: 'live.us.e0.3.0',
  source: 'live',
  region: 'us',
  epoch: 1_700_000_000_000,
  seq: 7,
  firstRow: 1,
  lastRow: 9,
  deltaRows: 2,
  ledgerRows: 1,
  rawEvents: 12,
  pendingEvents: 3,
  createdAtMs: 1_700_000_001_000,
  deltaBytes: 100,
  rawBytes: 900,
};
const digest = createHash('sha256').update('frame').digest('hex');
const hubLedger = [
  { region: 'us', term: 'counted', receivedSecond: 1_700_000_000, count: 10 },
  { region: 'us', term: 'counted', receivedSecond: 1_700_000_001, count: 1 },
  { region: 'us', term: 'duplicate', receivedSecond: 1_700_000_000, count: 1 },
];

describe('log records', () => {
  it('come back as they went', () => {
    const deltas = new Uint8Array([1, 2, 3]);
    expect(decodeDeltasRecord(encodeDeltasRecord({ header, digest, hubLedger, deltas }))).toEqual({ header, digest, hubLedger, deltas });
    expect(decodeRawRecord(encodeRawRecord({ header, digest, raw: deltas }))).toEqual({ header, digest, raw: deltas });
  });

  it('keep any ledger, by region, term and second', () => {
    const row = fc.record({
      region: fc.constantFrom('us', 'eu', 'ap'),
      term: fc.constantFrom('counted', 'duplicate', 'filtered', 'held'),
      receivedSecond: fc.integer({ min: 0, max: 4_102_444_800 }),
      count: fc.maxSafeNat(),
    });
    fc.assert(
      fc.property(fc.array(row), (rows) => {
        const back = decodeDeltasRecord(encodeDeltasRecord({ header, digest, hubLedger: rows, deltas: new Uint8Array() })).hubLedger;
        const text = (entries: readonly HubLedgerRow[]) => entries.map((entry) => JSON.stringify(Object.entries(entry).sort())).sort();
        expect(text(back)).toEqual(text(rows));
      }),
    );
  });

  it('spend few bytes on a sparse ledger of imported history', () => {
    const sparse = Array.from({ length: 10_000 }, (_, i) => ({ region: 'us', term: 'counted', receivedSecond: 1_700_000_000 + i * 9, count: 1 }));
    expect(encodeDeltasRecord({ header, digest, hubLedger: sparse, deltas: new Uint8Array() }).length).toBeLessThan(21_000);
  });

  it('decode or throw corrupt_bytes, whatever was done to them', () => {
    const valid = [
      encodeDeltasRecord({ header, digest, hubLedger, deltas: new Uint8Array(40) }),
      encodeRawRecord({ header, digest, raw: new Uint8Array(40) }),
    ];
    const change = fc.record({ which: fc.nat(1), at: fc.nat(700), byte: fc.nat(255), cut: fc.nat(700) });
    fc.assert(
      fc.property(change, ({ which, at, byte, cut }) => {
        const bytes = valid[which]!.slice(0, Math.max(1, cut));
        if (at < bytes.length) bytes[at] = byte;
        for (const decode of [decodeDeltasRecord, decodeRawRecord]) {
          try {
            decode(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(TrackingError);
            expect((error as TrackingError).code).toBe('corrupt_bytes');
          }
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it('have the layout that this version had when it was first written', () => {
    const hash = createHash('sha256').update(JSON.stringify(LOG_RECORD_FORMAT)).digest('hex').slice(0, 16);
    expect({ version: LOG_RECORD_FORMAT.version, hash }).toEqual({ version: 1, hash: '4bc252b99c1a7db4' });
  });
});
