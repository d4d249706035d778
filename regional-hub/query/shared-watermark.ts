import type { Clock, EpochMs } from '../../core/time.ts';

/** Readers within this time share one reading; many streams then cost the store what one does. */
export const WATERMARK_SHARED_MS = 200;

/** Reads the watermark for everybody who asks at about the same time. A reading that failed is not shared on. */
export class SharedWatermark {
  readonly #read: () => Promise<EpochMs>;
  readonly #clock: Clock;
  #latest: { readonly readAtMs: EpochMs; readonly value: Promise<EpochMs> } | null = null;

  constructor(read: () => Promise<EpochMs>, clock: Clock) {
    this.#read = read;
    this.#clock = clock;
  }

  /** The watermark, at most `WATERMARK_SHARED_MS` old. */
  get(): Promise<EpochMs> {
    const nowMs = this.#clock.nowMs();
    const latest = this.#latest;
    if (latest !== null && Math.abs(nowMs - latest.readAtMs) < WATERMARK_SHARED_MS) return latest.value;
    const value = this.#read();
    this.#latest = { readAtMs: nowMs, value };
    value.catch(() => (this.#latest = null));
    return value;
  }
}
