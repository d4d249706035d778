import type { Clock, EpochMs } from '../../core/time.ts';

/** Readers within this time share one reading; many streams then cost the store what one does. */
export const READING_SHARED_MS = 200;

/** Reads something for everybody who asks at about the same time. A reading that failed is not shared on. */
export class SharedReading<Value> {
  readonly #read: () => Promise<Value>;
  readonly #clock: Clock;
  #latest: { readonly readAtMs: EpochMs; readonly value: Promise<Value> } | null = null;

  constructor(read: () => Promise<Value>, clock: Clock) {
    this.#read = read;
    this.#clock = clock;
  }

  /** What was read at most `READING_SHARED_MS` ago. */
  get(): Promise<Value> {
    const nowMs = this.#clock.nowMs();
    const latest = this.#latest;
    if (latest !== null && Math.abs(nowMs - latest.readAtMs) < READING_SHARED_MS) return latest.value;
    const value = this.#read();
    this.#latest = { readAtMs: nowMs, value };
    value.catch(() => (this.#latest = null));
    return value;
  }
}
