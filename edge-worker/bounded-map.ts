/**
 * A Map that never holds more than `capacity` entries: the oldest half is forgotten at once, so that a flood of new keys
 * costs amortised O(1). Only for things that can be computed or counted anew.
 */
export class BoundedMap<Key, Value> {
  readonly #capacity: number;
  #young = new Map<Key, Value>();
  #old = new Map<Key, Value>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get(key: Key): Value | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: Key, value: Value): void {
    if (this.#young.size >= this.#capacity >>> 1) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }

  /** Entries held, an upper bound: one that moved from old to young counts twice. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }
}
