import type { EpochMs } from '../../core/time.ts';
import { MAX_BODY_BYTES } from './body.ts';

/**
 * Bodies that one isolate works on at a time. At a commit's usual 0.1 s these carry half a million events a second; above that the machine is behind, and
 * whoever comes is told so unread: it costs a fiftieth of taking his body apart, and people who follow links are not kept waiting behind it.
 */
export const MAX_BODIES_BYTES = 8 * 1024 * 1024;
/** What any request takes, however short its body. */
const MIN_STAY_BYTES = 2_048;
/** Text like ours, unpacked. */
const GZIP_RATIO = 10;
/** Longer than any request lives: workerd drops those whose sender hangs up without a word, and their place must come back. */
const STAY_LIFE_MS = 30_000;

/** A request's place; given back with `leave`. */
export type Stay = { readonly bytes: number; readonly sinceMs: EpochMs };

/** How much work an isolate lets in at its door. */
export class BodyBudget {
  /** In order of arrival. */
  readonly #stays = new Set<Stay>();
  #bytes = 0;

  /** A place for a request; null when there is none: refuse it before its body is read. */
  enter(request: Request, nowMs: EpochMs): Stay | null {
    const stay = { bytes: stayBytes(request.headers), sinceMs: nowMs };
    if (this.#bytes + stay.bytes > MAX_BODIES_BYTES) this.#forgetDead(nowMs);
    if (this.#bytes + stay.bytes > MAX_BODIES_BYTES) return null;
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

/** What a body will take by its headers; one that does not tell is taken for the largest. */
function stayBytes(headers: Headers): number {
  const length = headers.get('content-length');
  const declared = length === null ? MAX_BODY_BYTES : Number(length);
  const unpacked = headers.get('content-encoding') === null ? declared : declared * GZIP_RATIO;
  return Math.max(MIN_STAY_BYTES, Math.min(MAX_BODY_BYTES, unpacked || 0));
}
