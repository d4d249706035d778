import xxhash from 'xxhash-wasm';
import { type EventKindCode, EVENT_KINDS, type Key64 } from './event.ts';

/**
 * Keyed 64-bit hashes (XXH64 with a secret seed): what an event is known by inside a shard. With an unknown seed nobody can
 * prepare ids that collide. The same seed must serve every edge, for ever: another seed is another identity for everything.
 */
export type KeyHasher = {
  /** (kind, ad, event id). Impressions and the news that they were viewable share one space. */
  id(kind: EventKindCode, adId: string, eventId: string): Key64;
  /** The viewer alone, so that unique viewers can be counted across ads. */
  viewer(text: string): Key64;
  /** (ad, impression id): what a click and its impression have in common. */
  join(adId: string, impressionId: string): Key64;
  /** 16 bits that spread one ad's viewers over its salts; 0 where there is no viewer. */
  route(viewer: Key64): number;
  /** `adHash`, for those who hold a hasher. */
  adHash(adId: string): number;
};

/** Loads the hash and binds it to a secret seed of 64 bits. */
export async function createKeyHasher(seed: bigint): Promise<KeyHasher> {
  const { h64 } = await xxhash();
  // A BigInt's halves through a shared buffer: 120 ns a hash, where shifts and masks take 180.
  const whole = new BigUint64Array(1);
  const halves = new Uint32Array(whole.buffer);
  const keyOf = (text: string): Key64 => {
    whole[0] = h64(text, seed);
    const lo = halves[0]!;
    const hi = halves[1]!;
    return lo === 0 && hi === 0 ? { lo: 1, hi: 0 } : { lo, hi };
  };
  // The first letter names the space. Ad ids hold no '/', so that no two pairs spell the same text.
  return {
    id: (kind, adId, eventId) => keyOf(`${idSpaceOf(kind)}/${adId}/${eventId}`),
    viewer: (text) => keyOf(`v/${text}`),
    join: (adId, impressionId) => keyOf(`j/${adId}/${impressionId}`),
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

function idSpaceOf(kind: EventKindCode): string {
  return `i${kind === EVENT_KINDS.viewable ? EVENT_KINDS.impression : kind}`;
}

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
