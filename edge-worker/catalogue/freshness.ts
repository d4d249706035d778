import { ANNOUNCED_LEAD_MS } from '../../core/routing.ts';
import { CLOCK_SKEW_MS } from '../../core/time.ts';

/**
 * How long the hub's word holds without being heard again. Until then every change of routing that can concern an event of now has been
 * heard of: an event may lie two minutes ahead of its receipt, and hubs' clocks differ by as much at most.
 */
export const WORD_LIFE_MS = ANNOUNCED_LEAD_MS - 2 * CLOCK_SKEW_MS;

/** How old a copy may be and be served as it is, and how old before a request waits for a newer one. */
export const FRESH_MS = 1_000;
export const STALE_MS = 3_000;

/** `fresh`: serve it. `ageing`: serve it and look for a newer one in the background. `stale`: look first, for a bounded time. */
export type Freshness = 'fresh' | 'ageing' | 'stale';

/** What to do with a copy that was confirmed `ageMs` ago. */
export function freshnessOf(ageMs: number): Freshness {
  if (ageMs <= FRESH_MS) return 'fresh';
  return ageMs <= STALE_MS ? 'ageing' : 'stale';
}
