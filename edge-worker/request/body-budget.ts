import type { EpochMs } from '../../core/time.ts';
import { MAX_BODY_BYTES } from './body.ts';

/**
 * Bodies that one isolate takes apart and waits for at a time: at a commit's usual 0.1 s half a million events a second. Above that the machine is behind;
 * whoever comes is told so before his body is read: a thousand bodies that are read at the same time are all read late.
 */
export const MAX_BODIES_BYTES = 8 * 1024 * 1024;
/** While the oldest of them has waited for longer than `SLOW_MS`: a queue that long makes people who follow links wait behind it. */
export const MAX_SLOW_BODIES_BYTES = 1024 * 1024;
export const SLOW_MS = 1_000;
/** What any request takes, however short its body. */
const MIN_STAY_BYTES = 2_048;
/** Text like ours, unpacked; and what a body is taken for whose length is not told. */
const GZIP_RATIO = 10;
const UNTOLD_BYTES = 65_536;
/** Longer than any request lives: workerd drops those whose sender hangs up without a word, and their place must come back. */
const STAY_LIFE_MS = 30_000;

/** A request's place; given back with `leave`. */
export type Stay = { readonly bytes: number; readonly sinceMs: EpochMs };

/**
 * How much work an isolate lets in. Only senders with a key hold places, so that strangers who hang up, or send slowly, take none away; strangers
 * themselves are let in while there is room.
 */
export class BodyBudget {
  /** In order of arrival. */
  readonly #stays = new Set<Stay>();
  #bytes = 0;

  /** Whether a body of `bytes` may come in now. */
  hasRoom(bytes: number, nowMs: EpochMs): boolean {
    this.#forgetDead(nowMs);
    const [oldest] = this.#stays;
    if (oldest === undefined) return true;
    const most = nowMs - oldest.sinceMs > SLOW_MS ? MAX_SLOW_BODIES_BYTES : MAX_BODIES_BYTES;
    return this.#bytes + Math.max(MIN_STAY_BYTES, bytes) <= most;
  }

  /** A place; null when there is no room: answer 503. */
  enter(bytes: number, nowMs: EpochMs): Stay | null {
    if (!this.hasRoom(bytes, nowMs)) return null;
    const stay = { bytes: Math.max(MIN_STAY_BYTES, bytes), sinceMs: nowMs };
    this.#stays.add(stay);
    this.#bytes += stay.bytes;
    return stay;
  }

  leave(stay: Stay): void {
    if (this.#stays.delete(stay)) this.#bytes -= stay.bytes;
  }

  #forgetDead(nowMs: EpochMs): void {
    for (const stay of this.#stays) {
      if (nowMs - stay.sinceMs < STAY_LIFE_MS) return;
      this.leave(stay);
    }
  }
}

/** What a body will take, by its headers. */
export function expectedBytes(headers: Headers): number {
  const length = headers.get('content-length');
  const sentBytes = length === null ? UNTOLD_BYTES : Number(length) || 0;
  const isPacked = (headers.get('content-encoding') ?? 'identity') !== 'identity';
  return Math.min(MAX_BODY_BYTES, isPacked ? sentBytes * GZIP_RATIO : sentBytes);
}
