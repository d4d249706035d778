import { assert } from '../errors.ts';
import type { Key64 } from '../event.ts';

/** With twelve bits a key and seven probes, one absent key in three hundred still costs a look at its page. */
const BITS_PER_KEY = 12;
const PROBES = 7;

/** A Bloom filter over keys. It saves reads and decides nothing: `mayHave` is never false for a key that was added. */
export class KeyFilter {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    assert(bytes.length > 0, 'a filter has at least one byte');
    this.bytes = bytes;
  }

  static forKeys(keyCount: number): KeyFilter {
    return new KeyFilter(new Uint8Array(Math.max(8, Math.ceil((keyCount * BITS_PER_KEY) / 8))));
  }

  add(lo: number, hi: number): void {
    const bits = this.bytes.length * 8;
    for (let probe = 0; probe < PROBES; probe++) {
      const bit = probeOf(lo, hi, probe) % bits;
      this.bytes[bit >>> 3]! |= 1 << (bit & 7);
    }
  }

  mayHave(key: Key64): boolean {
    const bits = this.bytes.length * 8;
    for (let probe = 0; probe < PROBES; probe++) {
      const bit = probeOf(key.lo, key.hi, probe) % bits;
      if ((this.bytes[bit >>> 3]! & (1 << (bit & 7))) === 0) return false;
    }
    return true;
  }
}

/** Kirsch and Mitzenmacher: the two halves of a good hash give all probes. */
function probeOf(lo: number, hi: number, probe: number): number {
  return (lo + Math.imul(probe, hi | 1)) >>> 0;
}
