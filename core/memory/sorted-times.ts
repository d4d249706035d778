import type { EpochMs } from '../time.ts';

/** Position of the first time ≥ `timeMs` in an ascending array. */
export function firstAtOrAfter(times: readonly EpochMs[], timeMs: EpochMs): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times[middle]! < timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether an ascending array holds a time in [fromMs, toMs]. */
export function anyTimeIn(times: readonly EpochMs[], fromMs: EpochMs, toMs: EpochMs): boolean {
  const at = firstAtOrAfter(times, fromMs);
  return at < times.length && times[at]! <= toMs;
}

/** Adds a time in its place; false when it is there already. */
export function insertTime(times: EpochMs[], timeMs: EpochMs): boolean {
  const at = firstAtOrAfter(times, timeMs);
  if (times[at] === timeMs) return false;
  if (at === times.length) times.push(timeMs);
  else times.splice(at, 0, timeMs);
  return true;
}
