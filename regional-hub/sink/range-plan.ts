import { assert } from '../../core/errors.ts';

/** What one record adds to a range: its own bytes, still compressed, and about what its rows take as a block. */
export type RecordSize = { readonly bytes: number; readonly blockBytes: number };

/** How much one insert may hold. */
export type RangeLimits = {
  readonly maxFrames: number;
  /** Of record bytes, still compressed. */
  readonly maxBytes: number;
  /** One range is one block of each table, and a block is held in memory on its way: here, and several times over in the engine. */
  readonly maxBlockBytes: number;
};

/**
 * About 100 000 raw events or 280 000 cells, far below the 500 000 rows that the engine still takes as one block; it needs some 230 and 160 MB for them.
 * Smaller ranges cost more, each part being synced and merged with the others.
 */
export const DEFAULT_RANGE_LIMITS: RangeLimits = { maxFrames: 1_024, maxBytes: 16 * 1_048_576, maxBlockBytes: 28 * 1_048_576 };

/** How many of the records, from the first, make the next range; `full` when waiting could not make it larger. */
export type RangePlan = { readonly records: number; readonly full: boolean };

/** The longest run of records within `limits`; the first is always taken, however large. */
export function planRange(sizes: readonly RecordSize[], limits: RangeLimits): RangePlan {
  assert(sizes.length > 0, 'a range has a record');
  let bytes = 0;
  let blockBytes = 0;
  for (const [taken, size] of sizes.entries()) {
    const fits = taken < limits.maxFrames && bytes + size.bytes <= limits.maxBytes && blockBytes + size.blockBytes <= limits.maxBlockBytes;
    if (taken > 0 && !fits) return { records: taken, full: true };
    bytes += size.bytes;
    blockBytes += size.blockBytes;
  }
  const full = sizes.length >= limits.maxFrames || bytes >= limits.maxBytes || blockBytes >= limits.maxBlockBytes;
  return { records: sizes.length, full };
}

/** How long the next range waits for company: the first after a quiet spell goes at once, later ones at most one an interval. */
export function lingerMs(input: { readonly lastClaimedAtMs: number; readonly nowMs: number; readonly intervalMs: number }): number {
  const sinceLastMs = Math.max(0, input.nowMs - input.lastClaimedAtMs);
  return Math.max(0, input.intervalMs - sinceLastMs);
}
