/** Chance from one seed: the same seed draws the same numbers, and a fork draws its own, however often others draw. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #count = 1;

  constructor(seed: number, name = '') {
    this.#a = mixText(name, seed >>> 0);
    this.#b = mixText(name, ~seed >>> 0) ^ 0x9e3779b9;
    this.#c = 0xdeadbeef ^ this.#a;
    for (let i = 0; i < 12; i++) this.next();
  }

  /** In [0, 1). Source: sfc32, public domain. */
  next(): number {
    const sum = (this.#a + this.#b + this.#count++) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (this.#c << 21) | (this.#c >>> 11);
    this.#c = (this.#c + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  }

  /** A whole number in [0, limit). */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** A whole number in [from, to]. */
  between(from: number, to: number): number {
    return from + this.below(to - from + 1);
  }

  chance(share: number): boolean {
    return this.next() < share;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)] as Item;
  }

  /** Mostly near `typicalMs`, now and then many times as long. */
  delayMs(typicalMs: number): number {
    const spread = typicalMs * (0.5 + this.next());
    return Math.ceil(this.chance(0.02) ? spread * (2 + this.next() * 20) : spread);
  }

  /** A source of its own, named so that adding one elsewhere changes nothing here. */
  fork(name: string): Random {
    return new Random((this.#a ^ this.#c) >>> 0, name);
  }
}

function mixText(text: string, seed: number): number {
  let hash = seed ^ 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return hash ^ (hash >>> 13);
}
