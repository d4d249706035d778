import { sha256 } from '../../core/crypto/sha256.ts';
import { BoundedMap } from '../bounded-map.ts';

/** Longer texts are no keys of ours (256 bits as base64url have 43 characters). */
const MAX_KEY_CHARS = 256;
const REMEMBERED_KEYS = 1_024;
const BEARER = /^Bearer +([^\s]+) *$/i;
const encoder = new TextEncoder();

/** The key of an `Authorization` header; null where there is no header, '' where it is not a bearer's. */
export function bearerKey(authorization: string | null): string | null {
  if (authorization === null) return null;
  const key = BEARER.exec(authorization)?.[1] ?? '';
  return key.length > MAX_KEY_CHARS ? '' : key;
}

/** Hashes keys as the hub stores them, each one once while it is remembered. */
export class KeyHashes {
  readonly #known = new BoundedMap<string, string>(REMEMBERED_KEYS);

  hashOf(key: string): string {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const hash = keyHash(key);
    this.#known.set(key, hash);
    return hash;
  }
}

/** SHA-256 of a key's text, lower-case hex. */
export function keyHash(key: string): string {
  return Array.from(sha256(encoder.encode(key)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
