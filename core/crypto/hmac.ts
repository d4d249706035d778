import { SHA256_BLOCK_BYTES, SHA256_BYTES, absorbBlock, finishSha256, sha256, startSha256 } from './sha256.ts';
import type { Sha256State } from './sha256.ts';

export const HMAC_BYTES = SHA256_BYTES;

const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;

/**
 * HMAC-SHA-256 under one secret. The two padded key blocks are hashed once, at construction, so that a message of up to 55 bytes costs
 * two compressions. Source: RFC 2104.
 */
export class HmacKey {
  readonly #inner: Sha256State;
  readonly #outer: Sha256State;
  readonly #state: Sha256State = startSha256();
  readonly #innerDigest = new Uint8Array(SHA256_BYTES);

  constructor(secret: Uint8Array) {
    const key = secret.length > SHA256_BLOCK_BYTES ? sha256(secret) : secret;
    this.#inner = stateAfterPad(key, INNER_PAD);
    this.#outer = stateAfterPad(key, OUTER_PAD);
  }

  /** The 32-byte tag of `message`, in a buffer of its own. */
  tag(message: Uint8Array): Uint8Array {
    const tag = new Uint8Array(HMAC_BYTES);
    this.tagInto(message, message.length, tag);
    return tag;
  }

  /** Writes the tag of the first `length` bytes of `message` to `tag` (32 bytes); allocates nothing. */
  tagInto(message: Uint8Array, length: number, tag: Uint8Array): void {
    this.#state.set(this.#inner);
    finishSha256(this.#state, message, length, SHA256_BLOCK_BYTES, this.#innerDigest);
    this.#state.set(this.#outer);
    finishSha256(this.#state, this.#innerDigest, SHA256_BYTES, SHA256_BLOCK_BYTES, tag);
  }
}

function stateAfterPad(key: Uint8Array, pad: number): Sha256State {
  const block = new Uint8Array(SHA256_BLOCK_BYTES).fill(pad);
  for (let i = 0; i < key.length; i++) block[i] = pad ^ key[i]!;
  const state = startSha256();
  absorbBlock(state, block, 0);
  return state;
}
