import { createHash, timingSafeEqual } from 'node:crypto';
import { unreachable } from '../../core/errors.ts';
import type { KeyEntry } from '../control/key-store.ts';
import { grantsOf } from '../control/scopes.ts';
import type { Tenant } from '../query/tenant.ts';
import { mayUse, tenantOf, type Access } from './access.ts';
import { RequestError } from './request-error.ts';

/** Who asks: the key's id ('' where no key is needed) and whose rows it sees. */
export type Caller = { readonly keyId: string; readonly tenant: Tenant | null };

export type GuardDeps = {
  /** The entry of a key's text, or undefined. */
  readonly verifyKey: (key: string) => KeyEntry | undefined;
  readonly internalToken: string;
};

const NOBODY: Caller = { keyId: '', tenant: null };
/** Our keys have 43 characters; longer texts are not even hashed. */
const KEY_CHARACTERS_MAX = 512;

/** Lets a caller through a route of the given access, or throws `RequestError` 401 (who are you?) or 403 (not you). */
export function admit(deps: GuardDeps, access: Access, authorization: string | undefined): Caller {
  switch (access) {
    case 'public':
    case 'shards':
      return NOBODY;
    case 'edges':
      if (!isSameSecret(bearerOf(authorization), deps.internalToken)) throw unauthorized();
      return NOBODY;
    case 'readers':
    case 'operators':
      return admitKey(deps, access, bearerOf(authorization));
    default:
      return unreachable(access);
  }
}

/** The text after `Bearer`; throws 401 when there is none. */
export function bearerOf(authorization: string | undefined): string {
  const match = /^Bearer +(\S+)$/i.exec(authorization ?? '');
  if (match?.[1] === undefined || match[1].length > KEY_CHARACTERS_MAX) throw unauthorized();
  return match[1];
}

function admitKey(deps: GuardDeps, access: Access, key: string): Caller {
  const entry = deps.verifyKey(key);
  if (entry === undefined) throw unauthorized();
  const grants = grantsOf(entry.scopes);
  if (!mayUse(access, grants)) throw new RequestError(403, 'forbidden', 'this key has no scope for that');
  return { keyId: entry.keyId, tenant: tenantOf(grants) };
}

function unauthorized(): RequestError {
  return new RequestError(401, 'unauthorized', 'a known key is needed: Authorization: Bearer <key>');
}

function isSameSecret(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text, 'utf8').digest();
  return timingSafeEqual(digest(given), digest(expected));
}
