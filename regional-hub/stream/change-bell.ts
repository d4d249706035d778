import type { EpochMs } from '../../core/time.ts';

/** Tells that a range of deltas is in the store. Other hubs' ranges are not told here: their readers see the watermark move. */
export type ChangeFeed = { subscribe(listener: (change: { readonly storedAtMs: EpochMs }) => void): () => void };

/** Remembers, between two looks, that something was stored and how old the oldest of it is. */
export class ChangeBell {
  readonly #unsubscribe: () => void;
  #oldestMs: EpochMs | null = null;

  constructor(feed: ChangeFeed) {
    this.#unsubscribe = feed.subscribe(({ storedAtMs }) => {
      this.#oldestMs = Math.min(this.#oldestMs ?? storedAtMs, storedAtMs);
    });
  }

  /** The oldest `storedAtMs` since the last look, or null when nothing was stored. */
  takeOldestMs(): EpochMs | null {
    const oldestMs = this.#oldestMs;
    this.#oldestMs = null;
    return oldestMs;
  }

  /** Listens no more. */
  close(): void {
    this.#unsubscribe();
  }
}
