/** Half full at most: a miss ends after a probe or two. */
const SLOTS_PER_ROW = 2;
const INITIAL_ROWS = 256;
/** A table that grew beyond this in a burst gives its memory back when it is cleared. */
const KEPT_ROWS = 65_536;

/**
 * Numbers rows 0, 1, 2 … by a key of a fixed count of 32-bit words: open addressing over one typed array. Strings cost 522 ns
 * a look-up where this costs 20.
 */
export class IntIndex {
  readonly #width: number;
  #keys: Int32Array;
  /** Row number + 1 by hash; 0 = free. */
  #slots: Int32Array;
  #size = 0;

  constructor(width: number) {
    this.#width = width;
    this.#keys = new Int32Array(INITIAL_ROWS * width);
    this.#slots = new Int32Array(INITIAL_ROWS * SLOTS_PER_ROW);
  }

  get size(): number {
    return this.#size;
  }

  /** Word `word` of the key of row `row`. */
  word(row: number, word: number): number {
    return this.#keys[row * this.#width + word]!;
  }

  /** The row of this key; a key never seen gets the next number. */
  rowOf(key: Int32Array): number {
    const mask = this.#slots.length - 1;
    for (let slot = hashOf(key) & mask; ; slot = (slot + 1) & mask) {
      const row = this.#slots[slot]! - 1;
      if (row < 0) return this.#append(key, slot);
      if (this.#equals(row, key)) return row;
    }
  }

  /** A further row of this key, which `rowOf` gives from now on. (Once the table grows, it may give an earlier one again.) */
  furtherRowOf(key: Int32Array): number {
    const mask = this.#slots.length - 1;
    for (let slot = hashOf(key) & mask; ; slot = (slot + 1) & mask) {
      const row = this.#slots[slot]! - 1;
      if (row < 0 || this.#equals(row, key)) return this.#append(key, slot);
    }
  }

  /** The keys of all rows, one after another: a copy. */
  allKeys(): Int32Array {
    return this.#keys.slice(0, this.#size * this.#width);
  }

  clear(): void {
    if (this.#slots.length > KEPT_ROWS * SLOTS_PER_ROW) {
      this.#keys = new Int32Array(INITIAL_ROWS * this.#width);
      this.#slots = new Int32Array(INITIAL_ROWS * SLOTS_PER_ROW);
    } else {
      this.#slots.fill(0);
    }
    this.#size = 0;
  }

  #append(key: Int32Array, slot: number): number {
    const row = this.#size++;
    this.#slots[slot] = row + 1;
    this.#keys.set(key, row * this.#width);
    if (this.#size * SLOTS_PER_ROW >= this.#slots.length) this.#grow();
    return row;
  }

  #equals(row: number, key: Int32Array): boolean {
    const at = row * this.#width;
    for (let i = 0; i < key.length; i++) if (this.#keys[at + i] !== key[i]) return false;
    return true;
  }

  #grow(): void {
    const keys = new Int32Array(this.#keys.length * 2);
    keys.set(this.#keys);
    this.#keys = keys;
    this.#slots = new Int32Array(this.#slots.length * 2);
    const mask = this.#slots.length - 1;
    for (let row = 0; row < this.#size; row++) {
      let slot = hashOf(keys.subarray(row * this.#width, (row + 1) * this.#width)) & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = row + 1;
    }
  }
}

function hashOf(key: Int32Array): number {
  let hash = 0;
  for (let i = 0; i < key.length; i++) {
    hash = Math.imul(hash ^ key[i]!, 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash, 0x85ebca77);
  return hash ^ (hash >>> 13);
}
