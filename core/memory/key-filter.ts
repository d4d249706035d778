import { assert } from '../errors.ts';
import type { Key64 } from '../event.ts';

/**
 * At the least; a filter's size is a power of two, so that those of many generations can be asked at once. 32 are usual: of a hundred thousand absent keys
 * one costs a page, for each generation. With 16 it was seventy, and at ten million keys an event cost half as much again.
 */
const BITS_PER_KEY_MIN = 20;
const BITS_MIN = 64;
/** Part of the stored format: a filter that is asked for more probes than were set in it denies what it holds. */
const PROBES = 7;

/** A Bloom filter over keys. It saves reads and decides nothing: `mayHave` is never false for a key that was added. */
export class KeyFilter {
  readonly bytes: Uint8Array;

  /** A filter as it was stored, of any size: those of earlier versions are no powers of two. */
  constructor(bytes: Uint8Array) {
    assert(bytes.length > 0, 'a filter has at least one byte');
    this.bytes = bytes;
  }

  static forKeys(keyCount: number): KeyFilter {
    let bits = BITS_MIN;
    while (bits < keyCount * BITS_PER_KEY_MIN) bits *= 2;
    return new KeyFilter(new Uint8Array(bits / 8));
  }

  get bits(): number {
    return this.bytes.length * 8;
  }

  add(lo: number, hi: number): void {
    const { bits } = this;
    for (let probe = 0; probe < PROBES; probe++) {
      const bit = placeIn(bits, probeOf(lo, hi, probe));
      this.bytes[bit >>> 3]! |= 1 << (bit & 7);
    }
  }

  mayHave(key: Key64): boolean {
    const { bits } = this;
    for (let probe = 0; probe < PROBES; probe++) {
      const bit = placeIn(bits, probeOf(key.lo, key.hi, probe));
      if ((this.bytes[bit >>> 3]! & (1 << (bit & 7))) === 0) return false;
    }
    return true;
  }
}

/** Filters of one size are asked together, up to so many: one bit of a word each. */
export const SLICED_FILTERS_MAX = 32;
/** Larger ones stand alone: the room for 32 of them, 8 MiB at this size, is taken with the first. */
const SLICED_BITS_MAX = 2 ** 21;

/**
 * Up to 32 filters of one size, a power of two, turned on their sides: word b holds bit b of each, so that one read asks all of them.
 * Among filters that do not have a key, three reads on average leave none.
 */
export class SlicedFilters {
  readonly #slices: Int32Array;

  constructor(bits: number) {
    this.#slices = new Int32Array(bits);
  }

  static canHold(filter: KeyFilter): boolean {
    return isPowerOfTwo(filter.bits) && filter.bits >= BITS_MIN && filter.bits <= SLICED_BITS_MAX;
  }

  get bits(): number {
    return this.#slices.length;
  }

  get byteLength(): number {
    return this.#slices.byteLength;
  }

  /** Takes a filter's bits in, at a place that no other has. */
  set(at: number, filter: KeyFilter): void {
    assert(SlicedFilters.canHold(filter) && filter.bits === this.bits && at < SLICED_FILTERS_MAX, 'filters beside one another have one size, and a bit of each word');
    const slices = this.#slices;
    const words = wordsOf(filter.bytes);
    for (let word = 0, slice = 0; word < words.length; word++) {
      const bits = words[word]!;
      for (let bit = 0; bit < 32; bit++, slice++) slices[slice]! |= ((bits >>> bit) & 1) << at;
    }
  }

  /** Which of the filters in `asked` may have the key; bit n is the filter at n, in both. */
  whichMayHave(key: Key64, asked: number): number {
    const slices = this.#slices;
    const mask = slices.length - 1;
    const { lo, hi } = key;
    let left = asked;
    for (let probe = 0; probe < PROBES && left !== 0; probe++) left &= slices[probeOf(lo, hi, probe) & mask]!;
    return left;
  }
}

/** Kirsch and Mitzenmacher: the two halves of a good hash give all probes. */
function probeOf(lo: number, hi: number, probe: number): number {
  return (lo + Math.imul(probe, hi | 1)) >>> 0;
}

function placeIn(bits: number, probe: number): number {
  return isPowerOfTwo(bits) ? probe & (bits - 1) : probe % bits;
}

function isPowerOfTwo(bits: number): boolean {
  return (bits & (bits - 1)) === 0;
}

/** Little-endian, as every machine that runs this: bit b of the bytes is bit b of the words. */
function wordsOf(bytes: Uint8Array): Int32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Int32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
}
