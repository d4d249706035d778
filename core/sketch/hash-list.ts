/** Below this a scan beats a table. */
const SCANNED = 16;

/** Distinct 64-bit hashes in order of first sight, up to a bound. */
export class HashList {
  readonly #capacity: number;
  #pairs = new Uint32Array(2 * SCANNED);
  /** Position + 1 by hash, once there are more than a scan's worth; 0 = free. */
  #slots: Uint16Array | null = null;
  #size = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#size;
  }

  /** Pairs of halves, in order of first sight; a view. */
  get pairs(): Uint32Array {
    return this.#pairs.subarray(0, this.#size * 2);
  }

  /** False when the hash is new and there is no room for it. */
  add(lo: number, hi: number): boolean {
    if (this.#size > SCANNED) return this.#addBySlot(lo, hi);
    for (let i = 0; i < this.#size; i++) if (this.#is(i, lo, hi)) return true;
    return this.#append(lo, hi);
  }

  #addBySlot(lo: number, hi: number): boolean {
    const slots = this.#slots!;
    const mask = slots.length - 1;
    for (let slot = lo & mask; ; slot = (slot + 1) & mask) {
      const position = slots[slot]! - 1;
      if (position < 0) return this.#append(lo, hi);
      if (this.#is(position, lo, hi)) return true;
    }
  }

  #append(lo: number, hi: number): boolean {
    if (this.#size >= this.#capacity) return false;
    if (this.#size * 2 >= this.#pairs.length) this.#grow();
    this.#pairs[this.#size * 2] = lo;
    this.#pairs[this.#size * 2 + 1] = hi;
    this.#size++;
    if (this.#size > SCANNED) this.#index();
    return true;
  }

  #is(position: number, lo: number, hi: number): boolean {
    return this.#pairs[position * 2] === lo && this.#pairs[position * 2 + 1] === hi;
  }

  #grow(): void {
    const pairs = new Uint32Array(this.#pairs.length * 2);
    pairs.set(this.#pairs);
    this.#pairs = pairs;
  }

  /** Enters the newest hash; every hash when there was no table, or it was half full. */
  #index(): void {
    const full = this.#slots === null || this.#size * 2 > this.#slots.length;
    if (full) this.#slots = new Uint16Array(this.#pairs.length * 2);
    for (let position = full ? 0 : this.#size - 1; position < this.#size; position++) this.#enter(position);
  }

  #enter(position: number): void {
    const slots = this.#slots!;
    const mask = slots.length - 1;
    let slot = this.#pairs[position * 2]! & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = position + 1;
  }
}
