import type { AdTerms } from '../event.ts';
import { CLOCK_SKEW_MS, DAY_MS, type EpochMs, MAX_LATENESS_MS } from '../time.ts';

/** The largest windows that a shard has judged by; what it keeps follows them. */
export type RetainedWindows = Pick<AdTerms, 'clickWindowMs' | 'idempotencyWindowMs' | 'attributionWindowMs'>;

export const NO_WINDOWS: RetainedWindows = { clickWindowMs: 0, idempotencyWindowMs: 0, attributionWindowMs: 0 };

/** Events may come this much out of order by their received time (imports, spilled clicks). Source: DESIGN §4. */
export const ARRIVAL_DISORDER_MS = DAY_MS;
/** A token is refused after this; until then its id must be known, whatever the windows. Source: DESIGN §3. */
export const TOKEN_LIFE_MS_MAX = DAY_MS;

/** The tables of a shard's memory. Stored for days: never renumber, only append. */
export const MEMORY_TABLES = {
  /** Claimed ids, at their received times. */
  ids: 0,
  /** Impression ids that a viewable call has nothing to add to, at received times. */
  settledViews: 1,
  /** Counted clicks by (viewer, ad), at their own times. */
  clicks: 2,
  /** Counted impressions by join key, at their own times. */
  impressions: 3,
  /** Clicks that an impression has woken, by id, at their own times. */
  woken: 4,
  /** Counted clicks that wait for their impression, by join key, at their own times. */
  waiting: 5,
  /** Batches that were recorded under a name of their own, at the times of their commits. */
  batches: 6,
} as const;
export type MemoryTable = keyof typeof MEMORY_TABLES;

/** The larger of each window; the same object when nothing grew. */
export function widen(windows: RetainedWindows, terms: RetainedWindows): RetainedWindows {
  const grew =
    terms.clickWindowMs > windows.clickWindowMs ||
    terms.idempotencyWindowMs > windows.idempotencyWindowMs ||
    terms.attributionWindowMs > windows.attributionWindowMs;
  if (!grew) return windows;
  return {
    clickWindowMs: Math.max(windows.clickWindowMs, terms.clickWindowMs),
    idempotencyWindowMs: Math.max(windows.idempotencyWindowMs, terms.idempotencyWindowMs),
    attributionWindowMs: Math.max(windows.attributionWindowMs, terms.attributionWindowMs),
  };
}

/**
 * How long past its time an entry can still change an answer. Ids are asked for by received time, which may lie
 * `ARRIVAL_DISORDER_MS` back; the others by event time, which may lie 24 h before that.
 */
export function retentionMs(table: MemoryTable, windows: RetainedWindows): number {
  const arrivalMs = ARRIVAL_DISORDER_MS + 2 * CLOCK_SKEW_MS;
  switch (table) {
    case 'ids':
    case 'settledViews':
      return Math.max(windows.idempotencyWindowMs, TOKEN_LIFE_MS_MAX) + arrivalMs;
    case 'clicks':
      return windows.clickWindowMs + MAX_LATENESS_MS + arrivalMs;
    case 'impressions':
      return windows.attributionWindowMs + MAX_LATENESS_MS + arrivalMs;
    case 'woken':
    case 'waiting':
      return MAX_LATENESS_MS + arrivalMs;
    case 'batches':
      return arrivalMs;
  }
}

/** True once nothing at or before `latestMs` can change an answer any more. */
export function hasExpired(table: MemoryTable, windows: RetainedWindows, latestMs: EpochMs, nowMs: EpochMs): boolean {
  return nowMs - latestMs > retentionMs(table, windows);
}
