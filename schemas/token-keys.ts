import { HmacKey } from '../core/crypto/hmac.ts';
import { equalBytes } from '../core/crypto/constant-time.ts';
import { TrackingError } from '../core/errors.ts';
import { requireSecret } from './secret.ts';

/** Purposes have keys of their own, so that an impression's token can never stand for a click's. Codes are in tokens: never renumber. */
export const TOKEN_PURPOSES = { click: 1, impression: 2 } as const;
export type TokenPurpose = keyof typeof TOKEN_PURPOSES;

/** One secret and the number that tokens name it by: 1 … 255. */
export type TokenKey = { readonly kid: number; readonly secret: Uint8Array };
/** In order of preference for signing; two are live during a rotation. */
export type TokenKeys = readonly TokenKey[];

/** What may change while a process runs: which key signs (0 = the first that is not revoked), and which are dead. */
export type TokenKeyStatus = { readonly signingKid: number; readonly revokedKids: readonly number[] };
export const ALL_KEYS_LIVE: TokenKeyStatus = { signingKid: 0, revokedKids: [] };

const MAX_KID = 255;
/** Two are live in a rotation; more only while old ones wait to be removed. */
const MAX_KEYS = 8;

/**
 * The keys of a setting `[{"kid": 1, "secret": "<base64url>"}, …]`. Refuses bad JSON, no key, repeated kids, repeated secrets and whatever
 * `requireSecret` refuses. Throws `bad_configuration`.
 */
export function parseTokenKeys(json: string | undefined, name = 'TOKEN_KEYS'): TokenKeys {
  const list = listOf(json, name);
  const keys: TokenKey[] = [];
  for (const [index, item] of list.entries()) {
    const key = parseKey(item, `${name}[${index}]`);
    for (const other of keys) refuseTwins(key, other, `${name}[${index}]`);
    keys.push(key);
  }
  return keys;
}

function listOf(json: string | undefined, name: string): readonly unknown[] {
  let list: unknown;
  try {
    list = JSON.parse(json ?? '');
  } catch (cause) {
    throw new TrackingError('bad_configuration', `${name} is not JSON`, { cause: cause instanceof Error ? cause.name : cause });
  }
  if (!Array.isArray(list) || list.length === 0 || list.length > MAX_KEYS) {
    throw new TrackingError('bad_configuration', `${name} must be a list of 1 to ${MAX_KEYS} keys {kid, secret}`);
  }
  return list;
}

function parseKey(item: unknown, name: string): TokenKey {
  const { kid, secret } = (typeof item === 'object' && item !== null ? item : {}) as { kid?: unknown; secret?: unknown };
  if (typeof kid !== 'number' || !Number.isInteger(kid) || kid < 1 || kid > MAX_KID) {
    throw new TrackingError('bad_configuration', `${name}.kid must be a whole number from 1 to ${MAX_KID}`);
  }
  return { kid, secret: requireSecret(`${name}.secret`, secret as string | undefined) };
}

function refuseTwins(key: TokenKey, other: TokenKey, name: string): void {
  if (key.kid === other.kid) throw new TrackingError('bad_configuration', `${name}.kid ${key.kid} is repeated`);
  if (key.secret.length === other.secret.length && equalBytes(key.secret, other.secret, key.secret.length)) {
    throw new TrackingError('bad_configuration', `${name}.secret is the one of kid ${other.kid}`);
  }
}

/** The MAC keys of one purpose by kid, derived from the secrets and held ready. */
export class TokenKeyring {
  readonly #byKid: (HmacKey | undefined)[] = [];
  readonly #kids: readonly number[];
  readonly #status: TokenKeyStatus;

  constructor(keys: TokenKeys, purpose: TokenPurpose, status: TokenKeyStatus) {
    for (const { kid, secret } of keys) this.#byKid[kid] = deriveKey(secret, purpose);
    this.#kids = keys.map((key) => key.kid);
    this.#status = status;
  }

  /** The key that a token names, or why it is none. */
  find(kid: number): HmacKey | 'unknown_key' | 'revoked' {
    if (this.#status.revokedKids.includes(kid)) return 'revoked';
    return this.#byKid[kid] ?? 'unknown_key';
  }

  /**
   * The key for new tokens. A `signingKid` that this process has no secret for (a rotation that has not reached it) or that is revoked
   * gives way to the first live key, which every edge accepts. Throws `bad_configuration` when none is live.
   */
  signing(): { kid: number; key: HmacKey } {
    for (const kid of [this.#status.signingKid, ...this.#kids]) {
      const key = this.find(kid);
      if (key instanceof HmacKey) return { kid, key };
    }
    throw new TrackingError('bad_configuration', 'every token key is revoked');
  }
}

function deriveKey(secret: Uint8Array, purpose: TokenPurpose): HmacKey {
  return new HmacKey(new HmacKey(secret).tag(new TextEncoder().encode(`edgetally/token/v1/${purpose}`)));
}
