import { assert } from '../errors.ts';
import type { EpochMs } from '../time.ts';
import { CrowdedKeys } from './crowded-keys.ts';

/** 16 words of 32 bits = 64 bytes, one cache line: five slots of (lo, hi, time), then what is known of the bucket. */
const BUCKET_WORDS = 16;
const SLOT_WORDS = 3;
const SLOTS = 5;
/** The last word: how many slots are in use, and whether a key ever had to go on to the next bucket. */
const STATE_WORD = 15;
const USED_MASK = 7;
const OVERFLOWED = 8;

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

/** A time is a whole number of ms past the segment's base. */
const OFFSET_MAX = 0xffff_fffe;
/** In a slot's time word: this key's times are in the crowd. */
const CROWD = 0xffff_ffff;
/** A new segment looks 24.8 days back and as far forward. */
const LOOK_BACK_MS = 2 ** 31;
/** From this many times on, a key moves to the crowd: a steady clicker must not fill its bucket's neighbourhood. */
const TIMES_MAX_IN_SLOTS = 4;

/**
 * A multimap from 64-bit keys to exact times in ms. Most keys have one time and live in a slot; keys with many times, or with one
 * that 32 bits past the base cannot express, are in the crowd, and a slot says so. A (key, time) pair is kept once.
 * Halves of keys are signed 32-bit numbers; the highest 8 bits of `lo` are the caller's (they chose this segment).
 */
export class BucketSegment {
  #words = new Int32Array(FIRST_BUCKETS * BUCKET_WORDS);
  #bucketCount = FIRST_BUCKETS;
  #usedSlots = 0;
  #overflowed = 0;
  #baseMs = Number.NaN;
  #sweptToMs = Number.NEGATIVE_INFINITY;
  #crowd = new CrowdedKeys();
  #size = 0;

  /** How many (key, time) pairs it holds. */
  get size(): number {
    return this.#size;
  }

  get byteLength(): number {
    return this.#words.byteLength;
  }

  /** Whether the key has a time in [fromMs, toMs]. */
  anyIn(lo: number, hi: number, fromMs: EpochMs, toMs: EpochMs): boolean {
    const words = this.#words;
    const fromOffset = fromMs - this.#baseMs;
    const toOffset = toMs - this.#baseMs;
    for (let start = startOf(lo, this.#bucketCount); ; start = nextAfter(start, words.length)) {
      const state = words[start + STATE_WORD]!;
      for (let slot = start, end = start + (state & USED_MASK) * SLOT_WORDS; slot < end; slot += SLOT_WORDS) {
        if (words[slot] !== lo || words[slot + 1] !== hi) continue;
        const offset = words[slot + 2]! >>> 0;
        if (offset === CROWD) return this.#crowd.anyIn(lo, hi, fromMs, toMs);
        if (offset >= fromOffset && offset <= toOffset) return true;
      }
      if ((state & OVERFLOWED) === 0) return false;
    }
  }

  /** Remembers a time; false when the pair is there already. `floorMs`: times below it may be dropped if room must be made. */
  add(lo: number, hi: number, timeMs: EpochMs, floorMs: EpochMs): boolean {
    if (Number.isNaN(this.#baseMs)) this.#baseMs = Math.floor(timeMs) - LOOK_BACK_MS;
    if (timeMs - this.#baseMs > OFFSET_MAX) this.#rebase(Math.floor(timeMs) - LOOK_BACK_MS, floorMs);
    const added = this.#insert(lo, hi, timeMs);
    if (this.#usedSlots > this.#bucketCount * SLOTS_MAX_PER_BUCKET) this.#makeRoom(floorMs);
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
      if (offset !== CROWD) visit(lo, hi, this.#baseMs + offset);
    });
    this.#crowd.forEach((lo, hi, times) => {
      for (const timeMs of times) visit(lo, hi, timeMs);
    });
  }

  #insert(lo: number, hi: number, timeMs: EpochMs): boolean {
    const words = this.#words;
    const offset = timeMs - this.#baseMs;
    let timesInSlots = 0;
    for (let start = startOf(lo, this.#bucketCount); ; start = nextAfter(start, words.length)) {
      const state = words[start + STATE_WORD]!;
      for (let slot = start, end = start + (state & USED_MASK) * SLOT_WORDS; slot < end; slot += SLOT_WORDS) {
        if (words[slot] !== lo || words[slot + 1] !== hi) continue;
        const taken = words[slot + 2]! >>> 0;
        if (taken === CROWD) return this.#addToCrowd(lo, hi, timeMs);
        if (taken === offset) return false;
        timesInSlots++;
      }
      if ((state & OVERFLOWED) === 0) break;
    }
    this.#size++;
    const fits = offset >= 0 && offset <= OFFSET_MAX && Number.isInteger(offset);
    if (fits && timesInSlots < TIMES_MAX_IN_SLOTS) this.#place(lo, hi, offset);
    else this.#openCrowd(lo, hi, timeMs);
    return true;
  }

  /** Into the first free slot of the key's chain; the full buckets on the way are marked. */
  #place(lo: number, hi: number, offset: number): void {
    const words = this.#words;
    let start = startOf(lo, this.#bucketCount);
    let state = words[start + STATE_WORD]!;
    while ((state & USED_MASK) === SLOTS) {
      if ((state & OVERFLOWED) === 0) {
        words[start + STATE_WORD] = state | OVERFLOWED;
        this.#overflowed++;
      }
      start = nextAfter(start, words.length);
      state = words[start + STATE_WORD]!;
    }
    const slot = start + (state & USED_MASK) * SLOT_WORDS;
    words[slot] = lo;
    words[slot + 1] = hi;
    words[slot + 2] = offset;
    words[start + STATE_WORD] = state + 1;
    this.#usedSlots++;
  }

  #addToCrowd(lo: number, hi: number, timeMs: EpochMs): boolean {
    const added = this.#crowd.add(lo, hi, timeMs);
    if (added) this.#size++;
    return added;
  }

  /** Moves a key's times out of its slots; each of them bears the crowd's mark until the next rebuild. */
  #openCrowd(lo: number, hi: number, timeMs: EpochMs): void {
    const words = this.#words;
    const times = [timeMs];
    for (let start = startOf(lo, this.#bucketCount); ; start = nextAfter(start, words.length)) {
      const state = words[start + STATE_WORD]!;
      for (let slot = start, end = start + (state & USED_MASK) * SLOT_WORDS; slot < end; slot += SLOT_WORDS) {
        if (words[slot] !== lo || words[slot + 1] !== hi) continue;
        times.push(this.#baseMs + (words[slot + 2]! >>> 0));
        words[slot + 2] = CROWD;
      }
      if ((state & OVERFLOWED) === 0) break;
    }
    if (times.length === 1) this.#place(lo, hi, CROWD);
    this.#crowd.open(lo, hi, times);
  }

  /** Makes room, by dropping what lies below a floor that has risen, or else by growing. */
  #makeRoom(floorMs: EpochMs): void {
    if (floorMs > this.#sweptToMs) this.#prune(floorMs);
    if (this.#usedSlots * GROWTH > this.#bucketCount * SLOTS_MAX_PER_BUCKET) this.#rebuild(Math.ceil(this.#bucketCount * GROWTH));
    else if (this.#overflowed * OVERFLOW_SHARE > this.#bucketCount) this.#rebuild(this.#bucketCount);
  }

  /** Drops what is below the floor, in place: a bucket's last slot fills the gap, and its mark of overflow stays. */
  #prune(floorMs: EpochMs): void {
    const words = this.#words;
    const floorOffset = floorMs - this.#baseMs;
    this.#sweptToMs = floorMs;
    this.#size -= this.#crowd.prune(floorMs);
    for (let start = 0; start < words.length; start += BUCKET_WORDS) {
      let last = start + ((words[start + STATE_WORD]! & USED_MASK) - 1) * SLOT_WORDS;
      for (let slot = last; slot >= start; slot -= SLOT_WORDS) {
        const offset = words[slot + 2]! >>> 0;
        if (offset === CROWD ? this.#crowd.has(words[slot]!, words[slot + 1]!) : offset >= floorOffset) continue;
        words.copyWithin(slot, last, last + SLOT_WORDS);
        last -= SLOT_WORDS;
        words[start + STATE_WORD]!--;
        this.#usedSlots--;
        if (offset !== CROWD) this.#size--;
      }
    }
  }

  /** The same entries in fresh buckets. */
  #rebuild(bucketCount: number): void {
    assert(bucketCount <= BUCKETS_MAX, 'a segment is addressed by 16 bits');
    const old = this.#words;
    this.#words = new Int32Array(bucketCount * BUCKET_WORDS);
    this.#bucketCount = bucketCount;
    this.#usedSlots = 0;
    this.#overflowed = 0;
    for (let start = 0; start < old.length; start += BUCKET_WORDS) {
      const end = start + (old[start + STATE_WORD]! & USED_MASK) * SLOT_WORDS;
      for (let slot = start; slot < end; slot += SLOT_WORDS) {
        if (old[slot + 2] !== -1) this.#place(old[slot]!, old[slot + 1]!, old[slot + 2]!);
      }
    }
    this.#crowd.forEach((lo, hi) => this.#place(lo, hi, CROWD));
  }

  /** Moves the span of time that slots can express; what falls out of it and is not below the floor joins the crowd. */
  #rebase(baseMs: EpochMs, floorMs: EpochMs): void {
    const kept: [lo: number, hi: number, timeMs: EpochMs][] = [];
    this.forEach((lo, hi, timeMs) => {
      if (timeMs >= floorMs) kept.push([lo, hi, timeMs]);
    });
    this.#words = new Int32Array(this.#bucketCount * BUCKET_WORDS);
    this.#baseMs = baseMs;
    this.#sweptToMs = floorMs;
    this.#crowd = new CrowdedKeys();
    this.#usedSlots = 0;
    this.#overflowed = 0;
    this.#size = 0;
    for (const [lo, hi, timeMs] of kept) {
      this.#insert(lo, hi, timeMs);
      if (this.#usedSlots > this.#bucketCount * SLOTS_MAX_PER_BUCKET) this.#rebuild(Math.ceil(this.#bucketCount * GROWTH));
    }
  }
}

function startOf(lo: number, bucketCount: number): number {
  return (Math.imul(lo & 0xffff, bucketCount) >>> 16) * BUCKET_WORDS;
}

function nextAfter(start: number, wordCount: number): number {
  const next = start + BUCKET_WORDS;
  return next === wordCount ? 0 : next;
}

function forEachSlot(words: Int32Array, visit: (lo: number, hi: number, offset: number) => void): void {
  for (let start = 0; start < words.length; start += BUCKET_WORDS) {
    const end = start + (words[start + STATE_WORD]! & USED_MASK) * SLOT_WORDS;
    for (let slot = start; slot < end; slot += SLOT_WORDS) visit(words[slot]!, words[slot + 1]!, words[slot + 2]! >>> 0);
  }
}
