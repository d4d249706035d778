import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lingerMs, planRange, type RangeLimits } from './range-plan.ts';

const limits: RangeLimits = { maxFrames: 4, maxBytes: 100, maxBlockBytes: 50 };
const sizes = (...blockBytes: number[]) => blockBytes.map((each) => ({ blockBytes: each, bytes: 10 }));

describe('the next range', () => {
  it.each([
    ['takes all that fits', sizes(10, 10), { records: 2, full: false }],
    ['stops before too large a block', sizes(30, 20, 1), { records: 2, full: true }],
    ['stops before too many frames', sizes(1, 1, 1, 1, 1), { records: 4, full: true }],
    ['takes a first record above every limit', sizes(1_000), { records: 1, full: true }],
    ['is full at a limit, though nothing follows', sizes(50), { records: 1, full: true }],
  ])('%s', (_, records, plan) => expect(planRange(records, limits)).toEqual(plan));

  it('cuts any run of records into ranges within the limits, each record once', () => {
    const record = fc.record({ blockBytes: fc.nat(60), bytes: fc.nat(120) });
    fc.assert(
      fc.property(fc.array(record, { minLength: 1 }), (records) => {
        let rest = records;
        while (rest.length > 0) {
          const plan = planRange(rest, limits);
          expect(plan.records).toBeGreaterThan(0);
          const blockBytes = rest.slice(0, plan.records).reduce((sum, size) => sum + size.blockBytes, 0);
          if (plan.records > 1) expect(blockBytes).toBeLessThanOrEqual(limits.maxBlockBytes);
          rest = rest.slice(plan.records);
        }
      }),
    );
  });

  // interval 500    claim        next
  // t (ms)    0 ────┴─ 200 ──────┴ 500
  it('waits for company until the interval since the last claim is over, and not at all after a quiet spell', () => {
    expect(lingerMs({ lastClaimedAtMs: 0, nowMs: 200, intervalMs: 500 })).toBe(300);
    expect(lingerMs({ lastClaimedAtMs: 0, nowMs: 9_000, intervalMs: 500 })).toBe(0);
    expect(lingerMs({ lastClaimedAtMs: 9_000, nowMs: 8_000, intervalMs: 500 })).toBe(500);
  });
});
