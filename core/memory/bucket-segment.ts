import { assert } from '../errors.ts';
import type { EpochMs } from '../time.ts';
import { BUCKET_WORDS, CROWD, endOf, fillSlot, firstSlotOf, forEachSlot, isFull, isOffset, mayHold, nextAfter, OVERFLOWED, pruneSlots, SLOT_WORDS, SLOTS, startOf } from './bucket.ts';
import { CrowdedKeys } from './crowded-keys.ts';

/** Above half load, chains of overflowing buckets grow. */
const SLOTS_MAX_PER_BUCKET = SLOTS / 2;
const FIRST_BUCKETS = 2;
/** Small steps keep the load, and so the bytes a key, near the limit: 26 … 34 bytes. */
const GROWTH = 1.3;
/** Room is given back only where much is left over: it is likely to be needed again. */
const SHRINK_AT = 2;
/** Dropping entries leaves marks of overflow behind; when one bucket in so many bears one, a rebuild is due. */
const OVERFLOW_SHARE = 4;
/** The bucket is found by 16 bits of the key. */
const BUCKETS_MAX = 0xffff;

/** From this many times on, a key moves to the crowd: a steady clicker must not fill its bucket's neighbourhood. */
const TIMES_MAX_IN_SLOTS = 4;

/**
 * A multimap from 64-bit keys to exact times in ms. Most keys have one time and live in a slot; keys with many times, or with one
 * that 32 bits around the origin cannot express, are in the crowd, and a slot says so. A (key, time) pair is kept once.
 * Halves of keys are signed 32-bit numbers; the highest 8 bits of `lo` are the caller's (they chose this segment).
 */
export class BucketSegment {
  #words = new Int32Array(FIRST_BUCKETS * BUCKET_WORDS);
  #bucketCount = FIRST_BUCKETS;
  #slotsMax = FIRST_BUCKETS * SLOTS_MAX_PER_BUCKET;
  #usedSlots = 0;
  #overflowed = 0;
  #crowdSlots = 0;
  #originMs = Number.NaN;
  #sweptToMs = Number.NEGATIVE_INFINITY;
  #crowd = new CrowdedKeys();

  /** How many (key, time) pairs it holds. */
  get size(): number {
    return this.#usedSlots - this.#crowdSlots + this.#crowd.size;
  }

  get byteLength(): number {
    return this.#words.byteLength;
  }

  /** Whether the key has a time in [fromMs, toMs]. */
  anyIn(lo: number, hi: number, fromMs: EpochMs, toMs: EpochMs): boolean {
    const start = startOf(lo, this.#bucketCount);
    return mayHold(this.#words[start]!, hi) && this.#anyInChain(start, lo, hi, fromMs, toMs);
  }

  /** Reads from the bucket where a key would be, and gives what it read, which means nothing. */
  touch(lo: number): number {
    return this.#words[startOf(lo, this.#bucketCount)]!;
  }

  /** Remembers a time; false when the pair is there already. `floorMs`: times below it may be dropped if room must be made. */
  add(lo: number, hi: number, timeMs: EpochMs, floorMs: EpochMs): boolean {
    const words = this.#words;
    const start = startOf(lo, this.#bucketCount);
    const state = words[start]!;
    const offset = timeMs - this.#originMs;
    let added = true;
    if (mayHold(state, hi) || isFull(state) || !isOffset(offset)) added = this.#addToChain(lo, hi, timeMs, floorMs);
    else {
      fillSlot(words, start, lo, hi, offset);
      this.#usedSlots++;
    }
    if (this.#usedSlots > this.#slotsMax) this.#makeRoom(floorMs);
    return added;
  }

  /** Forgets every time below `floorMs`, and gives room back where much is left over. */
  sweep(floorMs: EpochMs): void {
    this.#prune(floorMs);
    const wanted = Math.max(FIRST_BUCKETS, Math.ceil(this.#usedSlots / SLOTS_MAX_PER_BUCKET) + 1);
    if (wanted * SHRINK_AT < this.#bucketCount) this.#rebuild(wanted);
    else if (this.#overflowed * OVERFLOW_SHARE > this.#bucketCount) this.#rebuild(this.#bucketCount);
  }

  /** Calls back for every pair, in no order. */
  forEach(visit: (lo: number, hi: number, timeMs: EpochMs) => void): void {
    forEachSlot(this.#words, (lo, hi, offset) => {
      if (offset !== CROWD) visit(lo, hi, this.#originMs + offset);
    });
    this.#crowd.forEach((lo, hi, times) => {
      for (const timeMs of times) visit(lo, hi, timeMs);
    });
  }

  #anyInChain(first: number, lo: number, hi: number, fromMs: EpochMs, toMs: EpochMs): boolean {
    const words = this.#words;
    const fromOffset = fromMs - this.#originMs;
    const toOffset = toMs - this.#originMs;
    for (let start = first; ; start = nextAfter(start, words.length)) {
      const state = words[start]!;
      for (let slot = firstSlotOf(start), end = endOf(start, state); slot < end; slot += SLOT_WORDS) {
        if (words[slot] !== lo || words[slot + 1] !== hi) continue;
        const offset = words[slot + 2]!;
        if (offset === CROWD) return this.#crowd.anyIn(lo, hi, fromMs, toMs);
        if (offset >= fromOffset && offset <= toOffset) return true;
      }
      if ((state & OVERFLOWED) === 0) return false;
    }
  }

  /** The same for a key that may be there, a bucket that is full, or a time far from the others. */
  #addToChain(lo: number, hi: number, timeMs: EpochMs, floorMs: EpochMs): boolean {
    if (Number.isNaN(this.#originMs)) this.#originMs = Math.floor(timeMs);
    if (timeMs - this.#originMs >= CROWD) this.#rebase(Math.floor(timeMs), floorMs);
    return this.#insert(lo, hi, timeMs);
  }

  #insert(lo: number, hi: number, timeMs: EpochMs): boolean {
    const words = this.#words;
    const first = startOf(lo, this.#bucketCount);
    const offset = timeMs - this.#originMs;
    let timesInSlots = 0;
    for (let start = first; ; start = nextAfter(start, words.length)) {
      const state = words[start]!;
      for (let slot = firstSlotOf(start), end = endOf(start, state); slot < end; slot += SLOT_WORDS) {
        if (words[slot] !== lo || words[slot + 1] !== hi) continue;
        const taken = words[slot + 2]!;
        if (taken === CROWD) return this.#crowd.add(lo, hi, timeMs);
        if (taken === offset) return false;
        timesInSlots++;
      }
      if ((state & OVERFLOWED) === 0) break;
    }
    if (!isOffset(offset) || timesInSlots === TIMES_MAX_IN_SLOTS) return this.#openCrowd(first, lo, hi, timeMs);
    this.#place(first, lo, hi, offset);
    return true;
  }

  /** Into the first free slot of the key's chain; the full buckets on the way are marked. */
  #place(first: number, lo: number, hi: number, offset: number): void {
    const words = this.#words;
    let start = first;
    let state = words[start]!;
    while (isFull(state)) {
      if ((state & OVERFLOWED) === 0) {
        words[start] = state | OVERFLOWED;
        this.#overflowed++;
      }
      start = nextAfter(start, words.length);
      state = words[start]!;
    }
    fillSlot(words, start, lo, hi, offset);
    this.#usedSlots++;
  }

  /** Moves a key's times out of its slots; each of them bears the crowd's mark until the next rebuild. */
  #openCrowd(first: number, lo: number, hi: number, timeMs: EpochMs): true {
    const words = this.#words;
    const times = [timeMs];
    for (let start = first; ; start = nextAfter(start, words.length)) {
      const state = words[start]!;
      for (let slot = firstSlotOf(start), end = endOf(start, state); slot < end; slot += SLOT_WORDS) {
        if (words[slot] !== lo || words[slot + 1] !== hi) continue;
        times.push(this.#originMs + words[slot + 2]!);
        words[slot + 2] = CROWD;
        this.#crowdSlots++;
      }
      if ((state & OVERFLOWED) === 0) break;
    }
    if (times.length === 1) this.#placeCrowd(lo, hi);
    this.#crowd.open(lo, hi, times);
    return true;
  }

  #placeCrowd(lo: number, hi: number): void {
    this.#place(startOf(lo, this.#bucketCount), lo, hi, CROWD);
    this.#crowdSlots++;
  }

  /** Makes room, by dropping what lies below a floor that has risen, or else by growing. */
  #makeRoom(floorMs: EpochMs): void {
    if (floorMs > this.#sweptToMs) this.#prune(floorMs);
    if (this.#usedSlots * GROWTH > this.#slotsMax) this.#rebuild(Math.ceil(this.#bucketCount * GROWTH));
    else if (this.#overflowed * OVERFLOW_SHARE > this.#bucketCount) this.#rebuild(this.#bucketCount);
  }

  /** Drops what is below the floor. */
  #prune(floorMs: EpochMs): void {
    const crowdedBefore = this.#crowd.keyCount;
    this.#sweptToMs = floorMs;
    this.#usedSlots -= pruneSlots(this.#words, Math.min(floorMs - this.#originMs, CROWD));
    this.#crowd.prune(floorMs);
    if (this.#crowd.keyCount < crowdedBefore) this.#rebuild(this.#bucketCount);
  }

  /** The same entries in fresh buckets. */
  #rebuild(bucketCount: number): void {
    const old = this.#words;
    this.#empty(bucketCount);
    forEachSlot(old, (lo, hi, offset) => {
      if (offset !== CROWD) this.#place(startOf(lo, bucketCount), lo, hi, offset);
    });
    this.#crowd.forEach((lo, hi) => this.#placeCrowd(lo, hi));
  }

  /** Moves the span of time that slots can express; what falls out of it and is not below the floor joins the crowd. */
  #rebase(originMs: EpochMs, floorMs: EpochMs): void {
    const kept: [lo: number, hi: number, timeMs: EpochMs][] = [];
    this.forEach((lo, hi, timeMs) => {
      if (timeMs >= floorMs) kept.push([lo, hi, timeMs]);
    });
    this.#empty(this.#bucketCount);
    this.#originMs = originMs;
    this.#sweptToMs = floorMs;
    this.#crowd = new CrowdedKeys();
    for (const [lo, hi, timeMs] of kept) {
      this.#insert(lo, hi, timeMs);
      if (this.#usedSlots > this.#slotsMax) this.#rebuild(Math.ceil(this.#bucketCount * GROWTH));
    }
  }

  #empty(bucketCount: number): void {
    assert(bucketCount <= BUCKETS_MAX, 'a segment is addressed by 16 bits');
    this.#words = new Int32Array(bucketCount * BUCKET_WORDS);
    this.#bucketCount = bucketCount;
    this.#slotsMax = Math.floor(bucketCount * SLOTS_MAX_PER_BUCKET);
    this.#usedSlots = 0;
    this.#overflowed = 0;
    this.#crowdSlots = 0;
  }
}
