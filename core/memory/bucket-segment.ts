import { assert } from '../errors.ts';
import type { EpochMs } from '../time.ts';
import { CrowdedKeys } from './crowded-keys.ts';

/**
 * A bucket is 16 words of 32 bits = 64 bytes, one cache line: its state, then five slots of (lo, hi, time), the used ones first.
 *
 *     state: bit 30 overflowed │ 29 … 24 tag of slot 4 │ … │ 5 … 0 tag of slot 0
 *
 * A tag is six bits of the slot's key, 0 where the slot is free: one comparison of one word tells that a key is in none of the five.
 * Buckets lie one after the other in an `Int32Array`; a bucket is known by where it starts there. Halves of keys are signed.
 */
const BUCKET_WORDS = 16;
const SLOTS = 5;
/** A slot's words: lower half, upper half, time. */
const SLOT_WORDS = 3;
/** In a state: a key that belongs here had to go on to the next bucket, at some time. */
const OVERFLOWED = 0x4000_0000;
const TAG_BITS = 6;
const TAG_MASK = 0x3f;
const LAST_TAG = TAG_MASK << (4 * TAG_BITS);
const ALL_TAGS = 0x3fff_ffff;
/** The lowest and the highest bit of each tag. */
const TAG_ONES = 0x0104_1041;
const TAG_HIGHS = 0x2082_0820;
/** In place of a time: this key's times are elsewhere. Any other 32-bit number is a time: so many ms from the buckets' origin, 24.8 days either way. */
const CROWD = 0x7fff_ffff;

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
    const start = startOf(lo, this.#bucketCount);
    const offset = timeMs - this.#originMs;
    let added = true;
    if (mayHold(this.#words[start]!, hi) || !isOffset(offset)) added = this.#addToChain(lo, hi, timeMs, floorMs);
    else this.#place(start, lo, hi, offset);
    if (this.#usedSlots > this.#slotsMax) this.#makeRoom(floorMs);
    return added;
  }

  /** Forgets every time below `floorMs`, gives room back where much is left over, and says how many slots it has looked at. */
  sweep(floorMs: EpochMs): number {
    if (floorMs <= this.#sweptToMs) return 0;
    const slots = this.#usedSlots;
    this.#prune(floorMs);
    return slots;
  }

  /** Calls back for every pair, in no order. */
  forEach(visit: (lo: number, hi: number, timeMs: EpochMs) => void): void {
    const words = this.#words;
    for (let start = 0; start < words.length; start += BUCKET_WORDS) {
      for (let slot = start + 1, end = endOf(start, words[start]!); slot < end; slot += SLOT_WORDS) {
        if (words[slot + 2] !== CROWD) visit(words[slot]!, words[slot + 1]!, this.#originMs + words[slot + 2]!);
      }
    }
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
      for (let slot = start + 1, end = endOf(start, state); slot < end; slot += SLOT_WORDS) {
        if (words[slot] !== lo || words[slot + 1] !== hi) continue;
        const offset = words[slot + 2]!;
        if (offset === CROWD) return this.#crowd.anyIn(lo, hi, fromMs, toMs);
        if (offset >= fromOffset && offset <= toOffset) return true;
      }
      if ((state & OVERFLOWED) === 0) return false;
    }
  }

  /** The same for a key that may be there, or a time far from the others. */
  #addToChain(lo: number, hi: number, timeMs: EpochMs, floorMs: EpochMs): boolean {
    if (Number.isNaN(this.#originMs)) this.#originMs = Math.floor(timeMs);
    if (timeMs - this.#originMs >= CROWD) this.#rebase(Math.floor(timeMs), floorMs);
    return this.#insert(lo, hi, timeMs);
  }

  #insert(lo: number, hi: number, timeMs: EpochMs): boolean {
    const offset = timeMs - this.#originMs;
    const slots = this.#slotsOf(lo, hi);
    for (const slot of slots) {
      const taken = this.#words[slot + 2]!;
      if (taken === CROWD) return this.#crowd.add(lo, hi, timeMs);
      if (taken === offset) return false;
    }
    if (isOffset(offset) && slots.length < TIMES_MAX_IN_SLOTS) this.#place(startOf(lo, this.#bucketCount), lo, hi, offset);
    else this.#openCrowd(slots, lo, hi, timeMs);
    return true;
  }

  /** Every slot of the key's chain that is its own. */
  #slotsOf(lo: number, hi: number): number[] {
    const words = this.#words;
    const slots: number[] = [];
    for (let start = startOf(lo, this.#bucketCount); ; start = nextAfter(start, words.length)) {
      const state = words[start]!;
      for (let slot = start + 1, end = endOf(start, state); slot < end; slot += SLOT_WORDS) {
        if (words[slot] === lo && words[slot + 1] === hi) slots.push(slot);
      }
      if ((state & OVERFLOWED) === 0) return slots;
    }
  }

  /** Into the first free slot of the key's chain; the full buckets on the way are marked. */
  #place(first: number, lo: number, hi: number, offset: number): void {
    const words = this.#words;
    let start = first;
    let state = words[start]!;
    while ((state & LAST_TAG) !== 0) {
      if ((state & OVERFLOWED) === 0) {
        words[start] = state | OVERFLOWED;
        this.#overflowed++;
      }
      start = nextAfter(start, words.length);
      state = words[start]!;
    }
    const used = usedIn(state);
    const slot = start + 1 + used * SLOT_WORDS;
    words[start] = state | (tagOf(hi) << (used * TAG_BITS));
    words[slot] = lo;
    words[slot + 1] = hi;
    words[slot + 2] = offset;
    this.#usedSlots++;
  }

  /** Moves a key's times out of its slots; each of them bears the crowd's mark until the next rebuild. */
  #openCrowd(slots: readonly number[], lo: number, hi: number, timeMs: EpochMs): void {
    const times = [timeMs];
    for (const slot of slots) {
      times.push(this.#originMs + this.#words[slot + 2]!);
      this.#words[slot + 2] = CROWD;
    }
    this.#crowdSlots += slots.length;
    this.#crowd.open(lo, hi, times);
    if (slots.length === 0) this.#placeCrowd(lo, hi);
  }

  #placeCrowd(lo: number, hi: number): void {
    this.#place(startOf(lo, this.#bucketCount), lo, hi, CROWD);
    this.#crowdSlots++;
  }

  /** Makes room, by dropping what lies below a floor that has risen, or else by growing. */
  #makeRoom(floorMs: EpochMs): void {
    if (floorMs > this.#sweptToMs) this.#prune(floorMs);
    if (this.#usedSlots * GROWTH > this.#slotsMax) this.#rebuild(Math.ceil(this.#bucketCount * GROWTH));
  }

  /** Drops what is below the floor; rebuilds where much room is left over, or where what has gone left too many marks behind. */
  #prune(floorMs: EpochMs): void {
    const crowdedBefore = this.#crowd.keyCount;
    this.#sweptToMs = floorMs;
    this.#usedSlots -= pruneSlots(this.#words, Math.min(floorMs - this.#originMs, CROWD));
    this.#crowd.prune(floorMs);
    const wanted = Math.max(FIRST_BUCKETS, Math.ceil(this.#usedSlots / SLOTS_MAX_PER_BUCKET) + 1);
    if (wanted * SHRINK_AT < this.#bucketCount) this.#rebuild(wanted);
    else if (this.#crowd.keyCount < crowdedBefore || this.#overflowed * OVERFLOW_SHARE > this.#bucketCount) this.#rebuild(this.#bucketCount);
  }

  /** The same entries in fresh buckets. */
  #rebuild(bucketCount: number): void {
    const old = this.#words;
    this.#empty(bucketCount);
    for (let start = 0; start < old.length; start += BUCKET_WORDS) {
      for (let slot = start + 1, end = endOf(start, old[start]!); slot < end; slot += SLOT_WORDS) {
        const lo = old[slot]!;
        if (old[slot + 2] !== CROWD) this.#place(startOf(lo, bucketCount), lo, old[slot + 1]!, old[slot + 2]!);
      }
    }
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

/** Where the bucket of a key starts, by the lowest 16 bits of its lower half. */
function startOf(lo: number, bucketCount: number): number {
  return (Math.imul(lo & 0xffff, bucketCount) >>> 16) * BUCKET_WORDS;
}

/** The bucket that a full one overflows into; the first follows the last. */
function nextAfter(start: number, wordCount: number): number {
  const next = start + BUCKET_WORDS;
  return next === wordCount ? 0 : next;
}

/** A key's tag, 1 … 63, from the half of the key that did not choose the bucket. */
function tagOf(hi: number): number {
  return (Math.imul(hi & 0xffff, TAG_MASK) >>> 16) + 1;
}

/**
 * False only where no slot of the bucket, nor of those after it, can have a key with this upper half: the common case, and one word tells.
 * All five tags are compared at once (a field of zeros borrows from its highest bit).
 */
function mayHold(state: number, hi: number): boolean {
  const differences = state ^ Math.imul(tagOf(hi), TAG_ONES);
  return (((differences - TAG_ONES) & ~differences & TAG_HIGHS) | (state & OVERFLOWED)) !== 0;
}

/** Slots in use, which are the first ones: the bits up to the highest tag, divided by six and rounded up. */
function usedIn(state: number): number {
  return ((37 - Math.clz32(state & ALL_TAGS)) * 43) >> 8;
}

/** Where a bucket's used slots end. */
function endOf(start: number, state: number): number {
  return start + 1 + usedIn(state) * SLOT_WORDS;
}

/** Whether a slot can express a time that is so many ms from the origin. */
function isOffset(offset: number): boolean {
  return offset === (offset | 0) && offset !== CROWD;
}

/** Drops, in place, what lies below the floor, and gives the number dropped; later slots move up, and a bucket's mark of overflow stays. */
function pruneSlots(words: Int32Array, floorOffset: number): number {
  let dropped = 0;
  for (let start = 0; start < words.length; start += BUCKET_WORDS) {
    const state = words[start]!;
    const used = usedIn(state);
    let tags = 0;
    let kept = 0;
    for (let slot = 0; slot < used; slot++) {
      const from = start + 1 + slot * SLOT_WORDS;
      if (words[from + 2]! < floorOffset) continue;
      const to = start + 1 + kept * SLOT_WORDS;
      words[to] = words[from]!;
      words[to + 1] = words[from + 1]!;
      words[to + 2] = words[from + 2]!;
      tags |= ((state >>> (slot * TAG_BITS)) & TAG_MASK) << (kept * TAG_BITS);
      kept++;
    }
    words[start] = (state & OVERFLOWED) | tags;
    dropped += used - kept;
  }
  return dropped;
}
