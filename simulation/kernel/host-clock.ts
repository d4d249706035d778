import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';

/** Clocks of our hosts are wrong by no more than this, one way or the other: half of what the skew rule forgives. */
export const MAX_SKEW_MS = 50_000;
/** Skews that a world may draw. */
export const SKEWS_MS = [0, 1_000, MAX_SKEW_MS] as const;

/** A machine's clock: it starts off by some time, runs fast or slow, and is set forth or back now and then. */
export class HostClock {
  readonly #scheduler: Scheduler;
  readonly #startMs: number;
  readonly #driftShare: number;
  #offsetMs: number;

  constructor(scheduler: Scheduler, random: Random, skewMs: number) {
    this.#scheduler = scheduler;
    this.#startMs = scheduler.nowMs;
    this.#offsetMs = Math.round((random.next() * 2 - 1) * skewMs);
    this.#driftShare = skewMs === 0 ? 0 : (random.next() * 2 - 1) * 2e-4;
  }

  nowMs(): number {
    const trueMs = this.#scheduler.nowMs;
    return Math.floor(trueMs + this.#offsetMs + (trueMs - this.#startMs) * this.#driftShare);
  }

  /** Sets the clock forth or back, never further off than `MAX_SKEW_MS`. */
  jump(byMs: number): void {
    this.#offsetMs = Math.max(-MAX_SKEW_MS, Math.min(MAX_SKEW_MS, this.#offsetMs + byMs));
  }
}
