import type { EpochMs } from '../../core/time.ts';

export type FenceLimits = {
  /** An insert that nobody heard the end of lands within this, or never. */
  readonly landsWithinMs: number;
  /** Blocks that this process may add to any one table meanwhile, without the store forgetting that insert's token. */
  readonly blocksMax: number;
};

/**
 * Keeps the store from forgetting an insert before it can land: one that was given up may still be on its way, is repeated, and is dropped when it comes after all,
 * as long as its token is among those that the store remembers. So for a while after such an insert this process stores only so much more.
 *
 * ```
 *   given up        lands at the latest
 *   ────┼───────────────────┼────►
 *       at most blocksMax   │ any number
 * ```
 */
export class LandingFence {
  readonly #limits: FenceLimits;
  #closedUntilMs: EpochMs = Number.NEGATIVE_INFINITY;
  #blocks = 0;

  constructor(limits: FenceLimits) {
    this.#limits = limits;
  }

  /** An insert was given up, here or by an earlier owner: it may land yet. */
  unheard(nowMs: EpochMs): void {
    if (nowMs >= this.#closedUntilMs) this.#blocks = 0;
    this.#closedUntilMs = Math.max(this.#closedUntilMs, nowMs + this.#limits.landsWithinMs);
  }

  /** A range was stored, with so many blocks in the table that got most. */
  stored(blocks: number): void {
    this.#blocks += blocks;
  }

  /** How long the next range must wait. */
  waitMs(nowMs: EpochMs): number {
    return this.#blocks < this.#limits.blocksMax ? 0 : Math.max(0, this.#closedUntilMs - nowMs);
  }
}
