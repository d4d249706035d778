import { assert } from '../errors.ts';

/** Wait after the first failure. */
export const BACKOFF_FIRST_MS = 250;
/** A hub that comes back is noticed within this. */
export const BACKOFF_MAX_MS = 30_000;

/**
 * How long to wait after `attempts` failures in a row: doubling from 250 ms to 30 s, of which the upper half is chance, so that the
 * shards of a hub that comes back do not all knock at once. `jitter` in [0, 1).
 */
export function backoffMs(attempts: number, jitter: number): number {
  assert(attempts >= 1, 'a wait follows a failure');
  assert(jitter >= 0 && jitter < 1, 'jitter is a fraction');
  const ceilingMs = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(attempts - 1, 16));
  return Math.ceil(ceilingMs / 2 + (ceilingMs / 2) * jitter);
}
