import { assert } from '../../core/errors.ts';

/** What one record adds to a range. */
export type RecordSize = { readonly bytes: number; readonly rows: number };

/** How much one insert may hold. */
export type RangeLimits = {
  readonly maxFrames: number;
  /** Of record bytes, still compressed. */
  readonly maxBytes: number;
  /** One range is one block of each table, and a block is held in memory on its way. */
  readonly maxRows: number;
};

/** Far below the 500 000 rows that the engine still takes as one block; about 30 MB of raw events on the way in. */
export const DEFAULT_RANGE_LIMITS: RangeLimits = { maxFrames: 1_024, maxBytes: 16 * 1_048_576, maxRows: 100_000 };

/** How many of the records, from the first, make the next range; `full` when waiting could not make it larger. */
export type RangePlan = { readonly records: number; readonly rows: number; readonly full: boolean };

/** The longest run of records within `limits`; the first is always taken, however large. */
export function planRange(sizes: readonly RecordSize[], limits: RangeLimits): RangePlan {
  assert(sizes.length > 0, 'a range has a record');
  let bytes = 0;
  let rows = 0;
  for (const [taken, size] of sizes.entries()) {
    const fits = taken < limits.maxFrames && bytes + size.bytes <= limits.maxBytes && rows + size.rows <= limits.maxRows;
    if (taken > 0 && !fits) return { records: taken, rows, full: true };
    bytes += size.bytes;
    rows += size.rows;
  }
  const full = sizes.length >= limits.maxFrames || bytes >= limits.maxBytes || rows >= limits.maxRows;
  return { records: sizes.length, rows, full };
}

/** How long the next range waits for company: the first after a quiet spell goes at once, later ones at most one an interval. */
export function lingerMs(input: { readonly lastClaimedAtMs: number; readonly nowMs: number; readonly intervalMs: number }): number {
  const sinceLastMs = Math.max(0, input.nowMs - input.lastClaimedAtMs);
  return Math.max(0, input.intervalMs - sinceLastMs);
}
