import type { EpochMs } from '../../core/time.ts';

/** A finished range of deltas: when it was stored, and the first and last second that it touched, in seconds since 1970. */
export type StoreChange = { readonly storedAtMs: EpochMs; readonly minSecond: number; readonly maxSecond: number };

/** Tells listeners in this process what has become visible to queries. */
export class StoreChanges {
  readonly #listeners = new Set<(change: StoreChange) => void>();

  /** Calls `listener` after each range; the result ends that. A listener must not throw. */
  subscribe(listener: (change: StoreChange) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  publish(change: StoreChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}
