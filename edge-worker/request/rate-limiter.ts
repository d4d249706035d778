import type { EpochMs } from '../../core/time.ts';
import { BoundedMap } from '../bounded-map.ts';

export type RateLimit = { readonly burst: number; readonly perSecond: number };
type Bucket = { readonly left: number; readonly atMs: EpochMs };

/** Callers remembered per isolate; a forgotten one starts with a full bucket. */
const REMEMBERED_CALLERS = 16_384;

/** What is left in a bucket after one more call at `nowMs`; null when it is empty. */
export function takeOne(bucket: Bucket | undefined, limit: RateLimit, nowMs: EpochMs): Bucket | null {
  const refilled = bucket === undefined ? limit.burst : Math.min(limit.burst, bucket.left + ((nowMs - bucket.atMs) / 1_000) * limit.perSecond);
  return refilled < 1 ? null : { left: refilled - 1, atMs: nowMs };
}

/** A token bucket per caller, in this isolate's memory only. */
export class RateLimiter {
  readonly #limit: RateLimit;
  readonly #buckets = new BoundedMap<string, Bucket>(REMEMBERED_CALLERS);

  constructor(limit: RateLimit) {
    this.#limit = limit;
  }

  allows(caller: string, nowMs: EpochMs): boolean {
    const bucket = takeOne(this.#buckets.get(caller), this.#limit, nowMs);
    if (bucket === null) return false;
    this.#buckets.set(caller, bucket);
    return true;
  }
}
