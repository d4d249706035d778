import { decodeBase64UrlInto, encodeBase64Url } from '../core/crypto/base64url.ts';
import { equalBytes } from '../core/crypto/constant-time.ts';
import { HMAC_BYTES, HmacKey } from '../core/crypto/hmac.ts';
import { assert } from '../core/errors.ts';
import type { Key64 } from '../core/event.ts';
import { isId } from '../core/ids.ts';
import type { ShardSlot } from '../core/routing.ts';
import type { EpochMs } from '../core/time.ts';
import { ALL_KEYS_LIVE, TOKEN_PURPOSES, TokenKeyring } from './token-keys.ts';
import type { TokenKeyStatus, TokenKeys, TokenPurpose } from './token-keys.ts';

export { parseTokenKeys } from './token-keys.ts';
export type { TokenKeyStatus, TokenKeys, TokenPurpose } from './token-keys.ts';
export { requireSecret } from './secret.ts';

/**
 * A token, fixed order, big-endian, base64url:
 *
 *   version u8 ‖ kid u8 ‖ purpose u8 ‖ issuedAtMs u48 ‖ ttlMs u32 ‖ nonce 16 B ‖ route u16 ‖ salts u8 ‖ epoch u16 ‖ shard u16
 *   ‖ contextHash u32 ‖ viewer u64 ‖ ad ‖ publisher ‖ placement ‖ home region (each: length u8, ASCII) ‖ tag 16 B
 *
 * The tag is HMAC-SHA-256 over all that precedes it, cut to 128 bits, under a key of the purpose's own. There is no algorithm field.
 * The viewer is the keyed hash of the pseudonym that the minter gave: people behind one address and agent stay apart, and the pixel and the click,
 * which cannot tell a pseudonym, are judged by it all the same.
 */
export const TOKEN_VERSION = 2;
export const NONCE_BYTES = 16;
export const TAG_BYTES = 16;
/** A day: the longest that a token lives. Duplicate memory is sized by it. */
export const MAX_TOKEN_TTL_MS = 86_400_000;

const FIXED_BYTES = 1 + 1 + 1 + 6 + 4 + NONCE_BYTES + 2 + 1 + 2 + 2 + 4 + 8;
const ID_FIELDS = 4;
const MIN_BYTES = FIXED_BYTES + ID_FIELDS + TAG_BYTES;
const MAX_BYTES = FIXED_BYTES + ID_FIELDS * (1 + 64) + TAG_BYTES;
/** Longer texts are no tokens, and are refused unread. */
export const MAX_TOKEN_CHARS = Math.ceil((MAX_BYTES * 4) / 3);

const AT = { version: 0, kid: 1, purpose: 2, issuedAt: 3, ttl: 9, nonce: 13, route: 29, salts: 31, epoch: 32, shard: 34, context: 36, viewer: 40, ids: FIXED_BYTES } as const;

/** What a token says. Placement '', contextHash 0 and viewer NO_KEY: absent, unbound, not known. */
export type TokenFields = {
  readonly kid: number;
  readonly purpose: TokenPurpose;
  readonly issuedAtMs: EpochMs;
  readonly expiresAtMs: EpochMs;
  readonly nonce: Uint8Array;
  readonly route: number;
  /** The ad's sub-shards when the token was minted, 1 … 64: spreading a hot ad wider splits no nonce. */
  readonly salts: number;
  /** Where the ad's shard was when the token was minted: an edge that has not heard of a later count finds it all the same. */
  readonly slot: ShardSlot;
  readonly contextHash: number;
  readonly viewer: Key64;
  readonly adId: string;
  readonly publisherId: string;
  readonly placementId: string;
  readonly homeRegion: string;
};

/** What its minter says of it; the signer adds the key's number. */
export type TokenDraft = Omit<TokenFields, 'kid'>;

export type TokenFlaw = 'malformed' | 'bad_signature' | 'wrong_purpose' | 'revoked' | 'unknown_key';
export type VerifiedToken = { readonly ok: true; readonly token: TokenFields } | { readonly ok: false; readonly why: TokenFlaw };

type KeyringByPurpose = Record<TokenPurpose, TokenKeyring>;

/** Writes tokens. Immutable but for scratch bytes: one signer serves all requests of an isolate. */
export class TokenSigner {
  readonly #keys: TokenKeys;
  readonly #keyrings: KeyringByPurpose;
  readonly #bytes = new Uint8Array(MAX_BYTES);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #tag = new Uint8Array(HMAC_BYTES);

  constructor(keys: TokenKeys, status: TokenKeyStatus = ALL_KEYS_LIVE) {
    this.#keys = keys;
    this.#keyrings = keyringsOf(keys, status);
  }

  /** The same keys under another status. */
  withStatus(status: TokenKeyStatus): TokenSigner {
    return new TokenSigner(this.#keys, status);
  }

  /** The token's text. Asserts what the minter promised; throws `bad_configuration` when every key is revoked. */
  sign(draft: TokenDraft): string {
    const { kid, key } = this.#keyrings[draft.purpose].signing();
    const length = this.#write(draft, kid);
    key.tagInto(this.#bytes, length, this.#tag);
    this.#bytes.set(this.#tag.subarray(0, TAG_BYTES), length);
    return encodeBase64Url(this.#bytes, length + TAG_BYTES);
  }

  #write(draft: TokenDraft, kid: number): number {
    const ttlMs = draft.expiresAtMs - draft.issuedAtMs;
    assert(Number.isSafeInteger(draft.issuedAtMs) && draft.issuedAtMs >= 0 && draft.issuedAtMs < 2 ** 48, 'issuedAtMs fits 48 bits');
    assert(Number.isInteger(ttlMs) && ttlMs > 0 && ttlMs <= MAX_TOKEN_TTL_MS, 'a token lives a day at most');
    assert(draft.nonce.length === NONCE_BYTES, 'a nonce has 128 bits');
    assert(draft.route >>> 0 === draft.route && draft.route <= 0xffff, 'a route has 16 bits');
    assert(draft.salts >= 1 && draft.salts <= 64, 'an ad has 1 … 64 sub-shards');
    assert(isUint16(draft.slot.epoch) && isUint16(draft.slot.shard), 'an epoch and a shard have 16 bits each');
    assert(draft.contextHash >>> 0 === draft.contextHash, 'a context hash has 32 bits');
    this.#bytes[AT.version] = TOKEN_VERSION;
    this.#bytes[AT.kid] = kid;
    this.#bytes[AT.purpose] = TOKEN_PURPOSES[draft.purpose];
    this.#view.setUint16(AT.issuedAt, Math.floor(draft.issuedAtMs / 2 ** 32));
    this.#view.setUint32(AT.issuedAt + 2, draft.issuedAtMs % 2 ** 32);
    this.#view.setUint32(AT.ttl, ttlMs);
    this.#bytes.set(draft.nonce, AT.nonce);
    this.#view.setUint16(AT.route, draft.route);
    this.#bytes[AT.salts] = draft.salts;
    this.#view.setUint16(AT.epoch, draft.slot.epoch);
    this.#view.setUint16(AT.shard, draft.slot.shard);
    this.#view.setUint32(AT.context, draft.contextHash);
    this.#view.setUint32(AT.viewer, draft.viewer.hi);
    this.#view.setUint32(AT.viewer + 4, draft.viewer.lo);
    let at: number = AT.ids;
    for (const id of [draft.adId, draft.publisherId, draft.placementId, draft.homeRegion]) at = this.#writeId(id, at);
    return at;
  }

  #writeId(id: string, at: number): number {
    assert(id === '' || isId(id), 'a token carries ids');
    this.#bytes[at] = id.length;
    for (let i = 0; i < id.length; i++) this.#bytes[at + 1 + i] = id.charCodeAt(i);
    return at + 1 + id.length;
  }
}

/** Reads tokens. The tag is checked over the raw bytes, in constant time, before any field but the key's number is looked at. */
export class TokenVerifier {
  readonly #keys: TokenKeys;
  readonly #keyrings: KeyringByPurpose;
  readonly #bytes = new Uint8Array(MAX_BYTES);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #tag = new Uint8Array(HMAC_BYTES);

  constructor(keys: TokenKeys, status: TokenKeyStatus = ALL_KEYS_LIVE) {
    this.#keys = keys;
    this.#keyrings = keyringsOf(keys, status);
  }

  /** The same keys under another status: a revoked key's tokens are refused from here on. */
  withStatus(status: TokenKeyStatus): TokenVerifier {
    return new TokenVerifier(this.#keys, status);
  }

  /** Whether we signed `text` for `purpose`. An expired token is authentic all the same: expiry is the caller's to judge. */
  verify(text: string, purpose: TokenPurpose): VerifiedToken {
    const length = text.length > MAX_TOKEN_CHARS ? -1 : decodeBase64UrlInto(text, this.#bytes);
    if (length < MIN_BYTES) return refused('malformed');
    const key = this.#keyrings[purpose].find(this.#bytes[AT.kid]!);
    if (!(key instanceof HmacKey)) return refused(key);
    if (!this.#isSigned(key, length)) return refused(this.#isForOtherPurpose(purpose, length) ? 'wrong_purpose' : 'bad_signature');
    const token = this.#read(purpose, length - TAG_BYTES);
    return token === undefined ? refused('malformed') : { ok: true, token };
  }

  #isSigned(key: HmacKey, length: number): boolean {
    key.tagInto(this.#bytes, length - TAG_BYTES, this.#tag);
    return equalBytes(this.#tag, this.#bytes, TAG_BYTES, length - TAG_BYTES);
  }

  /** Tells a client that mixed up two of our tokens from one that forges them. */
  #isForOtherPurpose(purpose: TokenPurpose, length: number): boolean {
    const key = this.#keyrings[purpose === 'click' ? 'impression' : 'click'].find(this.#bytes[AT.kid]!);
    return key instanceof HmacKey && this.#isSigned(key, length);
  }

  #read(purpose: TokenPurpose, end: number): TokenFields | undefined {
    const bytes = this.#bytes;
    if (bytes[AT.version] !== TOKEN_VERSION || bytes[AT.purpose] !== TOKEN_PURPOSES[purpose]) return undefined;
    const publisherAt = this.#idEnd(AT.ids);
    const placementAt = this.#idEnd(publisherAt);
    const regionAt = this.#idEnd(placementAt);
    if (this.#idEnd(regionAt) !== end) return undefined;
    const issuedAtMs = this.#view.getUint16(AT.issuedAt) * 2 ** 32 + this.#view.getUint32(AT.issuedAt + 2);
    return {
      kid: bytes[AT.kid]!,
      purpose,
      issuedAtMs,
      expiresAtMs: issuedAtMs + this.#view.getUint32(AT.ttl),
      nonce: bytes.slice(AT.nonce, AT.nonce + NONCE_BYTES),
      route: this.#view.getUint16(AT.route),
      salts: bytes[AT.salts]!,
      slot: { epoch: this.#view.getUint16(AT.epoch), shard: this.#view.getUint16(AT.shard) },
      contextHash: this.#view.getUint32(AT.context),
      viewer: { lo: this.#view.getUint32(AT.viewer + 4), hi: this.#view.getUint32(AT.viewer) },
      adId: this.#idAt(AT.ids),
      publisherId: this.#idAt(publisherAt),
      placementId: this.#idAt(placementAt),
      homeRegion: this.#idAt(regionAt),
    };
  }

  /** Past the end it gives NaN, which equals no end. */
  #idEnd(at: number): number {
    return at + 1 + (this.#bytes[at] ?? Number.NaN);
  }

  #idAt(at: number): string {
    const end = at + 1 + this.#bytes[at]!;
    let id = '';
    for (let i = at + 1; i < end; i++) id += String.fromCharCode(this.#bytes[i]!);
    return id;
  }
}

/** A nonce as 22 characters: the event id of its impression and of its click. */
export function nonceText(nonce: Uint8Array): string {
  return encodeBase64Url(nonce, NONCE_BYTES);
}

function keyringsOf(keys: TokenKeys, status: TokenKeyStatus): KeyringByPurpose {
  return { click: new TokenKeyring(keys, 'click', status), impression: new TokenKeyring(keys, 'impression', status) };
}

function isUint16(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0xffff;
}

function refused(why: TokenFlaw): VerifiedToken {
  return { ok: false, why };
}
