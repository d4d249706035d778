import { assert } from '../errors.ts';
import type { EpochMs } from '../time.ts';
import { anyTimeIn, firstAtOrAfter, insertTime } from './sorted-times.ts';

/** 16 words of 32 bits = 64 bytes, one cache line: five slots of (lo, hi, time), then the number of slots in use. */
const BUCKET_WORDS_LOG2 = 4;
const SLOT_WORDS = 3;
const SLOTS = 5;
const USED_WORD = 15;

/** A bucket overflows into the next; above half load those chains grow. */
const SLOTS_MAX_PER_BUCKET = SLOTS / 2;
const FIRST_BUCKETS = 2;
/** Small steps keep the load, and so the bytes a key, near the limit: 26 … 34 bytes. */
const GROWTH = 1.3;
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
 * that 32 bits past the base cannot express, have a sorted array in the `crowd`, and one slot says so.
 * A (key, time) pair is kept once. The highest 8 bits of `lo` are the caller's (they chose this segment).
 */
export class BucketSegment {
  #words = new Int32Array(FIRST_BUCKETS << BUCKET_WORDS_LOG2);
  #bucketCount = FIRST_BUCKETS;
  #usedSlots = 0;
  #baseMs = Number.NaN;
  #sweptToMs = Number.NEGATIVE_INFINITY;
  #crowd: Map<string, EpochMs[]> | undefined;
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
    let start = this.#startOf(lo);
    for (;;) {
      const used = words[start + USED_WORD]!;
      for (let slot = start, end = start + used * SLOT_WORDS; slot < end; slot += SLOT_WORDS) {
        if (words[slot] !== lo || words[slot + 1] !== hi) continue;
        const offset = words[slot + 2]! >>> 0;
        if (offset === CROWD) return anyTimeIn(this.#crowdOf(lo, hi), fromMs, toMs);
        if (offset >= fromOffset && offset <= toOffset) return true;
      }
      if (used < SLOTS) return false;
      start = this.#next(start);
    }
  }

  /** Remembers a time; false when the pair is there already. `floorMs`: times below it may be dropped if room must be made. */
  add(lo: number, hi: number, timeMs: EpochMs, floorMs: EpochMs): boolean {
    if (Number.isNaN(this.#baseMs)) this.#baseMs = Math.floor(timeMs) - LOOK_BACK_MS;
    if (timeMs - this.#baseMs > OFFSET_MAX) this.#rebuild(this.#bucketCount, Math.floor(timeMs) - LOOK_BACK_MS, floorMs);
    const added = this.#insert(lo, hi, timeMs);
    if (this.#usedSlots > this.#bucketCount * SLOTS_MAX_PER_BUCKET) this.#makeRoom(floorMs);
    return added;
  }

  /** Forgets every time below `floorMs` and gives its room back. */
  sweep(floorMs: EpochMs): void {
    this.#rebuild(this.#bucketCount, this.#baseMs, floorMs);
    const wanted = bucketsFor(this.#usedSlots);
    if (wanted * GROWTH < this.#bucketCount) this.#rebuild(wanted, this.#baseMs, floorMs);
  }

  /** Calls back for every pair, in no order; halves of keys are signed 32-bit numbers. */
  forEach(visit: (lo: number, hi: number, timeMs: EpochMs) => void): void {
    forEachSlot(this.#words, (lo, hi, offset) => {
      if (offset !== CROWD) visit(lo, hi, this.#baseMs + offset);
    });
    for (const [name, times] of this.#crowd ?? []) {
      const [lo, hi] = keyOf(name);
      for (const timeMs of times) visit(lo, hi, timeMs);
    }
  }

  #insert(lo: number, hi: number, timeMs: EpochMs): boolean {
    const words = this.#words;
    const offset = timeMs - this.#baseMs;
    let timesInSlots = 0;
    let start = this.#startOf(lo);
    for (;;) {
      const used = words[start + USED_WORD]!;
      for (let slot = start, end = start + used * SLOT_WORDS; slot < end; slot += SLOT_WORDS) {
        if (words[slot] !== lo || words[slot + 1] !== hi) continue;
        const taken = words[slot + 2]! >>> 0;
        if (taken === CROWD) return this.#insertIntoCrowd(lo, hi, timeMs);
        if (taken === offset) return false;
        timesInSlots++;
      }
      if (used < SLOTS) break;
      start = this.#next(start);
    }
    this.#size++;
    const fits = offset >= 0 && offset <= OFFSET_MAX && Number.isInteger(offset);
    if (fits && timesInSlots < TIMES_MAX_IN_SLOTS) this.#fill(start, lo, hi, offset);
    else this.#makeCrowd(lo, hi, timeMs, start);
    return true;
  }

  #fill(start: number, lo: number, hi: number, offset: number): void {
    const used = this.#words[start + USED_WORD]!;
    const slot = start + used * SLOT_WORDS;
    this.#words[slot] = lo;
    this.#words[slot + 1] = hi;
    this.#words[slot + 2] = offset;
    this.#words[start + USED_WORD] = used + 1;
    this.#usedSlots++;
  }

  #insertIntoCrowd(lo: number, hi: number, timeMs: EpochMs): boolean {
    const added = insertTime(this.#crowdOf(lo, hi), timeMs);
    if (added) this.#size++;
    return added;
  }

  /** Moves a key's times out of its slots; emptied slots keep the crowd's mark until the next rebuild, so that no chain breaks. */
  #makeCrowd(lo: number, hi: number, timeMs: EpochMs, free: number): void {
    const words = this.#words;
    const times = [timeMs];
    let start = this.#startOf(lo);
    for (;;) {
      const used = words[start + USED_WORD]!;
      for (let slot = start, end = start + used * SLOT_WORDS; slot < end; slot += SLOT_WORDS) {
        if (words[slot] !== lo || words[slot + 1] !== hi) continue;
        insertTime(times, this.#baseMs + (words[slot + 2]! >>> 0));
        words[slot + 2] = CROWD;
      }
      if (used < SLOTS) break;
      start = this.#next(start);
    }
    if (times.length === 1) this.#fill(free, lo, hi, CROWD);
    this.#crowd ??= new Map();
    this.#crowd.set(nameOf(lo, hi), times);
  }

  #crowdOf(lo: number, hi: number): EpochMs[] {
    const times = this.#crowd?.get(nameOf(lo, hi));
    assert(times !== undefined, 'a slot that points to the crowd has times there');
    return times;
  }

  /** Makes room, by dropping what lies below a floor that has risen, or else by growing. */
  #makeRoom(floorMs: EpochMs): void {
    if (floorMs > this.#sweptToMs) this.#rebuild(this.#bucketCount, this.#baseMs, floorMs);
    if (this.#usedSlots * GROWTH <= this.#bucketCount * SLOTS_MAX_PER_BUCKET) return;
    this.#rebuild(Math.ceil(this.#bucketCount * GROWTH), this.#baseMs, floorMs);
  }

  /** Copies what is at or above the floor into fresh buckets. */
  #rebuild(bucketCount: number, baseMs: EpochMs, floorMs: EpochMs): void {
    assert(bucketCount <= BUCKETS_MAX, 'a segment is addressed by 16 bits');
    const old = { words: this.#words, baseMs: this.#baseMs, crowd: this.#crowd };
    this.#words = new Int32Array(bucketCount << BUCKET_WORDS_LOG2);
    this.#bucketCount = bucketCount;
    this.#baseMs = baseMs;
    this.#sweptToMs = floorMs;
    this.#usedSlots = 0;
    this.#size = 0;
    this.#crowd = undefined;
    if (old.baseMs === baseMs) this.#copySlots(old.words, floorMs - baseMs);
    else forEachSlot(old.words, (lo, hi, offset) => void this.#insertAbove(floorMs, lo, hi, old.baseMs + offset, offset));
    for (const [name, times] of old.crowd ?? []) {
      const [lo, hi] = keyOf(name);
      for (let at = firstAtOrAfter(times, floorMs); at < times.length; at++) this.#insert(lo, hi, times[at]!);
    }
  }

  /** Pairs are unique already and keep their offset: each goes to the first free slot of its chain. */
  #copySlots(from: Int32Array, floorOffset: number): void {
    for (let start = 0; start < from.length; start += 1 << BUCKET_WORDS_LOG2) {
      const end = start + from[start + USED_WORD]! * SLOT_WORDS;
      for (let slot = start; slot < end; slot += SLOT_WORDS) {
        const offset = from[slot + 2]! >>> 0;
        if (offset === CROWD || offset < floorOffset) continue;
        const lo = from[slot]!;
        let target = this.#startOf(lo);
        while (this.#words[target + USED_WORD] === SLOTS) target = this.#next(target);
        this.#fill(target, lo, from[slot + 1]!, offset);
        this.#size++;
      }
    }
  }

  #insertAbove(floorMs: EpochMs, lo: number, hi: number, timeMs: EpochMs, offset: number): void {
    if (offset !== CROWD && timeMs >= floorMs) this.#insert(lo, hi, timeMs);
  }

  #startOf(lo: number): number {
    return (Math.imul(lo & 0xffff, this.#bucketCount) >>> 16) << BUCKET_WORDS_LOG2;
  }

  #next(start: number): number {
    const next = start + (1 << BUCKET_WORDS_LOG2);
    return next === this.#words.length ? 0 : next;
  }
}

function bucketsFor(usedSlots: number): number {
  return Math.max(FIRST_BUCKETS, Math.ceil(usedSlots / SLOTS_MAX_PER_BUCKET) + 1);
}

function nameOf(lo: number, hi: number): string {
  return `${lo}:${hi}`;
}

function keyOf(name: string): [lo: number, hi: number] {
  const colon = name.indexOf(':');
  return [Number(name.slice(0, colon)), Number(name.slice(colon + 1))];
}

function forEachSlot(words: Int32Array, visit: (lo: number, hi: number, offset: number) => void): void {
  for (let start = 0; start < words.length; start += 1 << BUCKET_WORDS_LOG2) {
    const end = start + words[start + USED_WORD]! * SLOT_WORDS;
    for (let slot = start; slot < end; slot += SLOT_WORDS) visit(words[slot]!, words[slot + 1]!, words[slot + 2]! >>> 0);
  }
}
