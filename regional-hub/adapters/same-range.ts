import type { RangeClaim } from '../log/delta-log.ts';

/** Whether two claims promise the same rows under the same time. */
export function sameRange(a: RangeClaim, b: RangeClaim): boolean {
  return a.minOffset === b.minOffset && a.maxOffset === b.maxOffset && a.claimedAtMs === b.claimedAtMs;
}
