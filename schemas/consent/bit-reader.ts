const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const BITS_PER_CHARACTER = 6;

/** Reads a consent string bit by bit. Unlike bytes in base64url, IAB strings may end after any character. */
export class BitReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Goes on to bit `at`, counted from the start. */
  seek(at: number): void {
    this.#at = at;
  }

  /** The next `width` bits as a number, or NaN when the string ends before them or is not base64url there. Any sum with it stays NaN. */
  read(width: number): number {
    let value = 0;
    for (let i = 0; i < width; i++) value = value * 2 + this.#bit();
    return value;
  }

  /** The next number in Fibonacci coding: sums of 1, 2, 3, 5, 8 … that end with two set bits. */
  readFibonacci(): number {
    let [weight, next, value, before] = [1, 2, 0, 0];
    for (let bit = this.#bit(); !(bit === 1 && before === 1); bit = this.#bit()) {
      if (Number.isNaN(bit) || next > MAX_FIBONACCI) return Number.NaN;
      value += bit * weight;
      [weight, next, before] = [next, weight + next, bit];
    }
    return value;
  }

  #bit(): number {
    const digit = ALPHABET.indexOf(this.#text[Math.floor(this.#at / BITS_PER_CHARACTER)] ?? '?');
    const shift = BITS_PER_CHARACTER - 1 - (this.#at % BITS_PER_CHARACTER);
    this.#at++;
    return digit < 0 ? Number.NaN : (digit >> shift) & 1;
  }
}

/** Section ids are small; a longer code is not one. */
const MAX_FIBONACCI = 100_000;
