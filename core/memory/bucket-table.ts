import type { Key64 } from '../event.ts';
import type { EpochMs } from '../time.ts';
import { BucketSegment } from './bucket-segment.ts';

/** Segments grow and are swept one at a time: a table of 10 M keys never stops for longer than one segment takes (about 1 ms). */
const SEGMENTS = 256;
/** A smaller table is one segment, of some 15 000 entries: 256 are two thousand objects for the collector to look at, and a worker may hold hundreds of shards. */
const UNDIVIDED_BYTES_MAX = 320 * 1024;
/** While a forgotten past waits to be swept, an addition pays for so many entries of it; a segment goes in so many additions at the soonest. */
const ENTRIES_SWEPT_PER_ADD = 8;
const ADDS_PER_SWEEP = 64;
/** Lower halves of keys that wait to be read side by side: more than any processor has reads under way, and few enough for the nearest cache to keep what came. */
const EXPECTED_MAX = 128;

/**
 * A multimap from keys to times (ms, exact), made for millions of pairs: 20 … 26 bytes each.
 * A pair is kept once. Nothing at or above `floorMs` is ever dropped; what is below goes by and by.
 */
export class BucketTable {
  /** One, or `SEGMENTS`. */
  #segments: readonly BucketSegment[] = [new BucketSegment()];
  #floorMs: EpochMs = Number.NEGATIVE_INFINITY;
  #nextSweep = 0;
  #sweepsLeft = 0;
  #addsUntilSweep = 0;
  /** Lower halves of keys that are about to be looked up. */
  readonly #expected = new Int32Array(EXPECTED_MAX);
  #expectedCount = 0;
  /** Of no use, but what is written somewhere must have been read. */
  #read = 0;

  /** Pairs in RAM, the forgotten ones that are not yet swept included. */
  get size(): number {
    return this.#segments.reduce((pairs, segment) => pairs + segment.size, 0);
  }

  /** Bytes of the buckets; arrays of crowded keys are not in it. */
  get byteLength(): number {
    return this.#segments.reduce((bytes, segment) => bytes + segment.byteLength, 0);
  }

  /** Whether the key has a time in [fromMs, toMs]. */
  anyIn(key: Key64, fromMs: EpochMs, toMs: EpochMs): boolean {
    return this.#segmentOf(key.lo).anyIn(key.lo | 0, key.hi | 0, fromMs, toMs);
  }

  /**
   * To be called for each of many keys before the first of them is looked at, and `readExpected` behind the last: their buckets then come from
   * memory side by side and not one after the other, which is most of what a lookup costs.
   */
  expect(key: Key64): void {
    this.#expected[this.#expectedCount++] = key.lo;
    if (this.#expectedCount === EXPECTED_MAX) this.readExpected();
  }

  /** Reads the bucket of every expected key. A loop of nothing but reads: the fewer instructions a read has, the more of them a processor has under way. */
  readExpected(): void {
    const segments = this.#segments;
    const expected = this.#expected;
    const one = segments.length - 1;
    let read = 0;
    for (let at = 0; at < this.#expectedCount; at++) {
      const lo = expected[at]!;
      read ^= segments[(lo >>> 24) & one]!.touch(lo);
    }
    this.#read = this.#read ^ read;
    this.#expectedCount = 0;
  }

  /** Remembers a time of a key; false when the pair is there already. */
  add(key: Key64, timeMs: EpochMs): boolean {
    const added = this.#segmentOf(key.lo).add(key.lo | 0, key.hi | 0, timeMs, this.#floorMs);
    if (this.#segments.length === 1 && this.#segments[0]!.byteLength > UNDIVIDED_BYTES_MAX) this.#divide();
    if (this.#sweepsLeft > 0 && --this.#addsUntilSweep <= 0) this.#sweepNext();
    return added;
  }

  /** Lets go of every time below `timeMs`, a segment at a time as additions come. */
  forgetBefore(timeMs: EpochMs): void {
    if (timeMs <= this.#floorMs) return;
    this.#floorMs = timeMs;
    this.#sweepsLeft = this.#segments.length;
  }

  /** At least `wanted` times (or all there are) of keys picked evenly, ascending. */
  sampleTimes(wanted: number): EpochMs[] {
    const times: EpochMs[] = [];
    for (const segment of this.#segments) {
      if (times.length >= wanted) break;
      segment.forEach((_lo, _hi, timeMs) => times.push(timeMs));
    }
    return times.sort((a, b) => a - b);
  }

  /** The one, or that of the key's highest 8 bits. */
  #segmentOf(lo: number): BucketSegment {
    return this.#segments[(lo >>> 24) & (this.#segments.length - 1)]!;
  }

  /** Deals the pairs out: about 1 ms, once. */
  #divide(): void {
    const [whole] = this.#segments;
    this.#segments = Array.from({ length: SEGMENTS }, () => new BucketSegment());
    whole!.forEach((lo, hi, timeMs) => this.#segmentOf(lo).add(lo, hi, timeMs, this.#floorMs));
    if (this.#sweepsLeft > 0) this.#sweepsLeft = SEGMENTS;
  }

  #sweepNext(): void {
    const swept = this.#segments[this.#nextSweep]!.sweep(this.#floorMs);
    this.#addsUntilSweep = Math.max(ADDS_PER_SWEEP, Math.ceil(swept / ENTRIES_SWEPT_PER_ADD));
    this.#nextSweep = (this.#nextSweep + 1) % this.#segments.length;
    this.#sweepsLeft--;
  }
}
