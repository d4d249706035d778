import { assert } from '../errors.ts';
import type { EpochMs } from '../time.ts';
import { CrowdedKeys } from './crowded-keys.ts';

/**
 * A segment is one `Int32Array`: buckets, and behind them the entries (lower half, upper half, time), in the order in which they came.
 * A bucket is four words: its state, then five numbers of entries, 16 bits each, the used ones first.
 *
 *     state: bit 30 overflowed │ 29 … 24 tag of slot 4 │ … │ 5 … 0 tag of slot 0
 *
 * A tag is six bits of the slot's key, 0 where the slot is free: one comparison of one word tells that a key is in none of the five. So the
 * buckets are nearly all that is read for a new key, 8 to 10 bytes a key, and a cache holds them far longer than it would the entries. And what
 * came together is forgotten together: letting go walks the entries in their order, where a processor is rarely surprised.
 * A bucket is known by where it starts, and so is an entry. Halves of keys are signed.
 */
const BUCKET_WORDS = 4;
const SLOTS = 5;
const ENTRY_WORDS = 3;
/** In a state: a key that belongs here had to go on to the next bucket, at some time. */
const OVERFLOWED = 0x4000_0000;
const TAG_BITS = 6;
const TAG_MASK = 0x3f;
const LAST_TAG = TAG_MASK << (4 * TAG_BITS);
const ALL_TAGS = 0x3fff_ffff;
/** The lowest and the highest bit of each tag. */
const TAG_ONES = 0x0104_1041;
const TAG_HIGHS = 0x2082_0820;
/** In place of a time: this key's times are elsewhere. Any other 32-bit number is a time: so many ms from the segment's origin, 24.8 days either way. */
const CROWD = 0x7fff_ffff;
/** No time is lower. */
const OFFSET_MIN = -0x8000_0000;

/** With more, chains of overflowing buckets grow. */
const ENTRIES_MAX_PER_BUCKET = 2;
const FIRST_BUCKETS = 2;
/** Small steps keep the load, and so the bytes a key, near the limit: 20 … 26 bytes. */
const GROWTH = 1.3;
/** Room is given back only where much is left over: it is likely to be needed again. */
const SHRINK_AT = 2;
/** An entry is known by 16 bits. */
const ENTRIES_MAX = 0xffff;
/** From this many times on, a key moves to the crowd: a steady clicker must not fill its bucket's neighbourhood. */
const TIMES_MAX_IN_ENTRIES = 4;

/**
 * A multimap from 64-bit keys to exact times in ms. Most keys have one time and one entry; keys with many times, or with one that 32 bits
 * around the origin cannot express, are in the crowd, and an entry says so. A (key, time) pair is kept once.
 * Halves of keys are signed 32-bit numbers; the highest 8 bits of `lo` are the caller's (they chose this segment).
 */
export class BucketSegment {
  #words = new Int32Array(0);
  /** The same memory by the half word, for the buckets' slots. */
  #slots = new Uint16Array(0);
  #bucketCount = 0;
  #entriesMax = 0;
  #entryCount = 0;
  #crowdEntries = 0;
  #originMs = Number.NaN;
  #sweptToMs = Number.NEGATIVE_INFINITY;
  #crowd = new CrowdedKeys();

  constructor() {
    this.#allot(FIRST_BUCKETS);
  }

  /** How many (key, time) pairs it holds. */
  get size(): number {
    return this.#entryCount - this.#crowdEntries + this.#crowd.size;
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
    if (mayHold(this.#words[start]!, hi) || !isOffset(offset)) added = this.#addWithCare(lo, hi, timeMs, floorMs);
    else this.#append(lo, hi, offset);
    if (this.#entryCount === this.#entriesMax) this.#makeRoom(floorMs);
    return added;
  }

  /** Forgets every time below `floorMs`, gives room back where much is left over, and says how many entries it has looked at. */
  sweep(floorMs: EpochMs): number {
    if (floorMs <= this.#sweptToMs) return 0;
    const entries = this.#entryCount;
    this.#prune(floorMs);
    return entries;
  }

  /** Calls back for every pair, in no order. */
  forEach(visit: (lo: number, hi: number, timeMs: EpochMs) => void): void {
    const words = this.#words;
    const first = this.#bucketCount * BUCKET_WORDS;
    for (let entry = first, end = first + this.#entryCount * ENTRY_WORDS; entry < end; entry += ENTRY_WORDS) {
      if (words[entry + 2] !== CROWD) visit(words[entry]!, words[entry + 1]!, this.#originMs + words[entry + 2]!);
    }
    this.#crowd.forEach((lo, hi, times) => {
      for (const timeMs of times) visit(lo, hi, timeMs);
    });
  }

  #anyInChain(start: number, lo: number, hi: number, fromMs: EpochMs, toMs: EpochMs): boolean {
    for (const entry of this.#entriesOf(start, lo, hi)) {
      const offset = this.#words[entry + 2]!;
      if (offset === CROWD) return this.#crowd.anyIn(lo, hi, fromMs, toMs);
      if (offset >= fromMs - this.#originMs && offset <= toMs - this.#originMs) return true;
    }
    return false;
  }

  /** Adds a time of a key that may be there, or a time far from the others. */
  #addWithCare(lo: number, hi: number, timeMs: EpochMs, floorMs: EpochMs): boolean {
    if (Number.isNaN(this.#originMs)) this.#originMs = Math.floor(timeMs);
    if (timeMs - this.#originMs >= CROWD) this.#rebase(Math.floor(timeMs), floorMs);
    return this.#insert(lo, hi, timeMs);
  }

  #insert(lo: number, hi: number, timeMs: EpochMs): boolean {
    const start = startOf(lo, this.#bucketCount);
    const offset = timeMs - this.#originMs;
    const entries = this.#entriesOf(start, lo, hi);
    for (const entry of entries) {
      const taken = this.#words[entry + 2]!;
      if (taken === CROWD) return this.#crowd.add(lo, hi, timeMs);
      if (taken === offset) return false;
    }
    if (isOffset(offset) && entries.length < TIMES_MAX_IN_ENTRIES) this.#append(lo, hi, offset);
    else this.#openCrowd(entries, lo, hi, timeMs);
    return true;
  }

  /** Every entry of a key. */
  #entriesOf(first: number, lo: number, hi: number): number[] {
    const words = this.#words;
    const tag = tagOf(hi);
    const entries: number[] = [];
    for (let start = first; ; start = nextAfter(start, this.#bucketCount)) {
      const state = words[start]!;
      for (let slot = 0; slot < SLOTS; slot++) {
        if (((state >>> (slot * TAG_BITS)) & TAG_MASK) !== tag) continue;
        const entry = this.#entryAt(this.#slots[slotAt(start, slot)]!);
        if (words[entry] === lo && words[entry + 1] === hi) entries.push(entry);
      }
      if ((state & OVERFLOWED) === 0) return entries;
    }
  }

  #append(lo: number, hi: number, offset: number): void {
    place(this.#words, this.#slots, this.#bucketCount, this.#entryCount++, lo, hi, offset);
  }

  /** Moves a key's times out of its entries; each of them bears the crowd's mark until entries are gone through. */
  #openCrowd(entries: readonly number[], lo: number, hi: number, timeMs: EpochMs): void {
    const times = [timeMs];
    for (const entry of entries) {
      times.push(this.#originMs + this.#words[entry + 2]!);
      this.#words[entry + 2] = CROWD;
    }
    this.#crowdEntries += entries.length;
    this.#crowd.open(lo, hi, times);
    if (entries.length === 0) this.#appendCrowd(lo, hi);
  }

  #appendCrowd(lo: number, hi: number): void {
    this.#append(lo, hi, CROWD);
    this.#crowdEntries++;
  }

  /** Makes room, by dropping what lies below a floor that has risen, or else by growing. */
  #makeRoom(floorMs: EpochMs): void {
    if (floorMs > this.#sweptToMs) this.#prune(floorMs);
    if (this.#entryCount * GROWTH > this.#entriesMax) this.#resize(Math.ceil(this.#bucketCount * GROWTH));
  }

  /** Drops what is below the floor, and gives room back where much is left over. */
  #prune(floorMs: EpochMs): void {
    const first = this.#entryAt(0);
    this.#sweptToMs = floorMs;
    this.#crowd.prune(floorMs);
    this.#words.fill(0, 0, first);
    // A whole number of 32 bits: so a time is compared as it is, not as a float.
    this.#takeIn(this.#words, first, Math.max(OFFSET_MIN, Math.min(Math.ceil(floorMs - this.#originMs), CROWD)) | 0);
    const wanted = Math.max(FIRST_BUCKETS, Math.ceil(this.#entryCount / ENTRIES_MAX_PER_BUCKET) + 1);
    if (wanted * SHRINK_AT < this.#bucketCount) this.#resize(wanted);
  }

  /** The same entries with more buckets or fewer. */
  #resize(bucketCount: number): void {
    const words = this.#words;
    const first = this.#entryAt(0);
    this.#allot(bucketCount);
    this.#takeIn(words, first, OFFSET_MIN);
  }

  /** Fills empty buckets with the entries that begin at `first` of an array, but those below the floor. In its own array, an entry moves up, if at all. */
  #takeIn(from: Int32Array, first: number, floorOffset: number): void {
    const words = this.#words;
    const slots = this.#slots;
    const bucketCount = this.#bucketCount;
    let count = 0;
    for (let entry = first, end = first + this.#entryCount * ENTRY_WORDS; entry < end; entry += ENTRY_WORDS) {
      const offset = from[entry + 2]!;
      if (offset >= floorOffset && offset !== CROWD) place(words, slots, bucketCount, count++, from[entry]!, from[entry + 1]!, offset);
    }
    this.#entryCount = count;
    this.#crowdEntries = 0;
    this.#crowd.forEach((lo, hi) => this.#appendCrowd(lo, hi));
  }

  /** Moves the span of time that entries can express; what falls out of it and is not below the floor joins the crowd. */
  #rebase(originMs: EpochMs, floorMs: EpochMs): void {
    const kept: [lo: number, hi: number, timeMs: EpochMs][] = [];
    this.forEach((lo, hi, timeMs) => {
      if (timeMs >= floorMs) kept.push([lo, hi, timeMs]);
    });
    this.#allot(this.#bucketCount);
    this.#entryCount = 0;
    this.#crowdEntries = 0;
    this.#originMs = originMs;
    this.#sweptToMs = floorMs;
    this.#crowd = new CrowdedKeys();
    for (const [lo, hi, timeMs] of kept) {
      this.#insert(lo, hi, timeMs);
      if (this.#entryCount === this.#entriesMax) this.#resize(Math.ceil(this.#bucketCount * GROWTH));
    }
  }

  /** Empty buckets, and room for their entries. */
  #allot(bucketCount: number): void {
    const entriesMax = Math.floor(bucketCount * ENTRIES_MAX_PER_BUCKET);
    assert(entriesMax <= ENTRIES_MAX, 'an entry of a segment is known by 16 bits');
    this.#words = new Int32Array(bucketCount * BUCKET_WORDS + entriesMax * ENTRY_WORDS);
    this.#slots = new Uint16Array(this.#words.buffer);
    this.#bucketCount = bucketCount;
    this.#entriesMax = entriesMax;
  }

  /** Where the entry of a number starts. */
  #entryAt(number: number): number {
    return this.#bucketCount * BUCKET_WORDS + number * ENTRY_WORDS;
  }
}

/** Where the bucket of a key starts, by the lowest 16 bits of its lower half. */
function startOf(lo: number, bucketCount: number): number {
  return (Math.imul(lo & 0xffff, bucketCount) >>> 16) * BUCKET_WORDS;
}

/** The bucket that a full one overflows into; the first follows the last. */
function nextAfter(start: number, bucketCount: number): number {
  const next = start + BUCKET_WORDS;
  return next === bucketCount * BUCKET_WORDS ? 0 : next;
}

/** Writes an entry, and its number into the first free slot of its key's chain; the full buckets on the way are marked. */
function place(words: Int32Array, slots: Uint16Array, bucketCount: number, number: number, lo: number, hi: number, offset: number): void {
  let start = startOf(lo, bucketCount);
  let state = words[start]!;
  while ((state & LAST_TAG) !== 0) {
    words[start] = state | OVERFLOWED;
    start = nextAfter(start, bucketCount);
    state = words[start]!;
  }
  const used = usedIn(state);
  words[start] = state | (tagOf(hi) << (used * TAG_BITS));
  slots[slotAt(start, used)] = number;
  const entry = bucketCount * BUCKET_WORDS + number * ENTRY_WORDS;
  words[entry] = lo;
  words[entry + 1] = hi;
  words[entry + 2] = offset;
}

/** Where a bucket's slot is among half words, behind the two of its state. */
function slotAt(start: number, slot: number): number {
  return start * 2 + 2 + slot;
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

/** Whether an entry can express a time that is so many ms from the origin. */
function isOffset(offset: number): boolean {
  return offset === (offset | 0) && offset !== CROWD;
}
