import xxhash from 'xxhash-wasm';
import { type EventKindCode, EVENT_KINDS, type Key64 } from './event.ts';

/**
 * Keyed 64-bit hashes (XXH64 with a secret seed): what an event is known by inside a shard. With an unknown seed nobody can
 * prepare ids that collide. The same seed must serve every edge, for ever: another seed is another identity for everything.
 */
export type KeyHasher = {
  /** (kind, ad, event id). Impressions and the news that they were viewable share one space. */
  id(kind: EventKindCode, adId: string, eventId: string): Key64;
  /** The viewer alone, so that unique viewers can be counted across ads. The text may come in two pieces. */
  viewer(text: string, rest?: string): Key64;
  /** (ad, impression id): what a click and its impression have in common. */
  join(adId: string, impressionId: string): Key64;
  /** 16 bits that spread one ad's viewers over its salts; 0 where there is no viewer. */
  route(viewer: Key64): number;
  /** `adHash`, for those who hold a hasher. */
  adHash(adId: string): number;
};

/** Loads the hash and binds it to a secret seed of 64 bits. */
export async function createKeyHasher(seed: bigint): Promise<KeyHasher> {
  const { h64, h64Raw } = await xxhash();
  const scratch = new Uint8Array(SCRATCH_BYTES);
  const heads = Array.from({ length: SCRATCH_BYTES + 1 }, (_, length) => scratch.subarray(0, length));
  // A BigInt's halves through a shared buffer: 120 ns a hash, where shifts and masks take 180.
  const whole = new BigUint64Array(1);
  const halves = new Uint32Array(whole.buffer);
  const keyOf = (space: string, text: string, joint: string, rest: string): Key64 => {
    const length = spell(rest, scratch, spell(joint, scratch, spell(text, scratch, spell(space, scratch, 0))));
    whole[0] = length < 0 ? h64(`${space}${text}${joint}${rest}`, seed) : h64Raw(heads[length]!, seed);
    const lo = halves[0]!;
    const hi = halves[1]!;
    return lo === 0 && hi === 0 ? { lo: 1, hi: 0 } : { lo, hi };
  };
  // The first letter names the space. Ad ids hold no '/', so that no two pairs spell the same text.
  return {
    id: (kind, adId, eventId) => keyOf(ID_SPACES[kind], adId, '/', eventId),
    viewer: (text, rest = '') => keyOf('v/', text, rest, ''),
    join: (adId, impressionId) => keyOf('j/', adId, '/', impressionId),
    route: routeOf,
    adHash,
  };
}

/** 32 bits, unsigned and without a seed: shards are found by it, so it may never change. */
export function adHash(adId: string): number {
  return mixed(adId, FNV_OFFSET, FNV_PRIME);
}

/** 64 bits for an ad, without a seed; only ever combined with a keyed hash. */
export function adKey(adId: string): Key64 {
  return { lo: mixed(adId, AD_KEY_LO_OFFSET, FNV_PRIME), hi: mixed(adId, AD_KEY_HI_OFFSET, AD_KEY_HI_PRIME) };
}

/** True for a real key; both halves zero mean that there is none. */
export function isKey(key: Key64): boolean {
  return key.lo !== 0 || key.hi !== 0;
}

/** One key for two: as evenly spread as the keyed one of the pair. Never the absent key. */
export function combineKeys(keyed: Key64, other: Key64): Key64 {
  const lo = (keyed.lo ^ other.lo) >>> 0;
  const hi = (keyed.hi ^ other.hi) >>> 0;
  return lo === 0 && hi === 0 ? { lo: 1, hi: 0 } : { lo, hi };
}

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
const AD_KEY_LO_OFFSET = 0x2f0b4c47;
const AD_KEY_HI_OFFSET = 0x9ae16a3b;
const AD_KEY_HI_PRIME = 0x5bd1e995;

/** Longer texts go through the platform's encoder, which takes longer to call than these take to copy, and answers with an object. */
const SCRATCH_BYTES = 512;

/** Writes an ASCII text's bytes; gives their end, or −1 where it has other characters or no room (or `at` was −1). */
function spell(text: string, bytes: Uint8Array, at: number): number {
  const { length } = text;
  if (at < 0 || at + length > bytes.length) return -1;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x80) return -1;
    bytes[at + i] = code;
  }
  return at + length;
}

const ID_SPACES: Readonly<Record<EventKindCode, string>> = {
  [EVENT_KINDS.impression]: 'i1/',
  [EVENT_KINDS.viewable]: 'i1/',
  [EVENT_KINDS.click]: 'i2/',
  [EVENT_KINDS.conversion]: 'i3/',
};

/** The upper half's upper bits: a shard's tables choose their buckets by other bits of the key. */
function routeOf(viewer: Key64): number {
  return viewer.hi >>> 16;
}

/** FNV-1a over UTF-16 units, then murmur3's finaliser, which FNV's weak low bits need before a modulo. */
function mixed(text: string, offset: number, prime: number): number {
  let hash = offset;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), prime);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
