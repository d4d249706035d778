/**
 * A bucket is 16 words of 32 bits = 64 bytes, one cache line: its state, then five slots of (lo, hi, time), the used ones first.
 *
 *     state: bit 30 overflowed │ 29 … 24 tag of slot 4 │ … │ 5 … 0 tag of slot 0
 *
 * A tag is six bits of the slot's key, 0 where the slot is free: one comparison of one word tells that a key is in none of the five.
 * Buckets lie one after the other in an `Int32Array`; a bucket is known by where it starts there. Halves of keys are signed.
 */
export const BUCKET_WORDS = 16;
export const SLOTS = 5;
/** A slot's words: lower half, upper half, time. */
export const SLOT_WORDS = 3;
/** In a state: a key that belongs here had to go on to the next bucket, at some time. */
export const OVERFLOWED = 0x4000_0000;

const TAG_BITS = 6;
const TAG_MASK = 0x3f;
const LAST_TAG = TAG_MASK << (4 * TAG_BITS);
const ALL_TAGS = 0x3fff_ffff;
/** The lowest and the highest bit of each tag. */
const TAG_ONES = 0x0104_1041;
const TAG_HIGHS = 0x2082_0820;

/** In place of a time: this key's times are elsewhere. Any other 32-bit number is a time: so many ms from the buckets' origin, 24.8 days either way. */
export const CROWD = 0x7fff_ffff;

/** Where the bucket of a key starts, by the lowest 16 bits of its lower half. */
export function startOf(lo: number, bucketCount: number): number {
  return (Math.imul(lo & 0xffff, bucketCount) >>> 16) * BUCKET_WORDS;
}

/** The bucket that a full one overflows into; the first follows the last. */
export function nextAfter(start: number, wordCount: number): number {
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
export function mayHold(state: number, hi: number): boolean {
  const differences = state ^ Math.imul(tagOf(hi), TAG_ONES);
  return (((differences - TAG_ONES) & ~differences & TAG_HIGHS) | (state & OVERFLOWED)) !== 0;
}

/** Whether a bucket's five slots are all used. */
export function isFull(state: number): boolean {
  return (state & LAST_TAG) !== 0;
}

/** Slots in use, which are the first ones: the bits up to the highest tag, divided by six and rounded up. */
function usedIn(state: number): number {
  return ((37 - Math.clz32(state & ALL_TAGS)) * 43) >> 8;
}

/** Where a bucket's slots start. */
export function firstSlotOf(start: number): number {
  return start + 1;
}

/** Where a bucket's used slots end. */
export function endOf(start: number, state: number): number {
  return start + 1 + usedIn(state) * SLOT_WORDS;
}

/** Whether a slot can express a time that is so many ms from the origin. */
export function isOffset(offset: number): boolean {
  return offset === (offset | 0) && offset !== CROWD;
}

/** Calls back for every used slot; its offset may be `CROWD`. */
export function forEachSlot(words: Int32Array, visit: (lo: number, hi: number, offset: number) => void): void {
  for (let start = 0; start < words.length; start += BUCKET_WORDS) {
    for (let slot = firstSlotOf(start), end = endOf(start, words[start]!); slot < end; slot += SLOT_WORDS) visit(words[slot]!, words[slot + 1]!, words[slot + 2]!);
  }
}

/** Puts a key and its offset (or `CROWD`) into the first free slot of a bucket that is not full. */
export function fillSlot(words: Int32Array, start: number, lo: number, hi: number, offset: number): void {
  const state = words[start]!;
  const used = usedIn(state);
  const slot = start + 1 + used * SLOT_WORDS;
  words[start] = state | (tagOf(hi) << (used * TAG_BITS));
  words[slot] = lo;
  words[slot + 1] = hi;
  words[slot + 2] = offset;
}

/** Drops, in place, what lies below the floor, and gives the number dropped; later slots move up, and a bucket's mark of overflow stays. */
export function pruneSlots(words: Int32Array, floorOffset: number): number {
  let dropped = 0;
  for (let start = 0; start < words.length; start += BUCKET_WORDS) {
    const state = words[start]!;
    const used = usedIn(state);
    let tags = 0;
    let kept = 0;
    for (let slot = 0; slot < used; slot++) {
      const from = firstSlotOf(start) + slot * SLOT_WORDS;
      if (words[from + 2]! < floorOffset) continue;
      const to = firstSlotOf(start) + kept * SLOT_WORDS;
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
