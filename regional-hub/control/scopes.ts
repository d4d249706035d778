import { isId } from '../../core/ids.ts';

/** Scopes that name no tenant. */
export const PLAIN_SCOPES = ['ops', 'ingest', 'replay', 'settle'] as const;
/** Scopes that are followed by a tenant's id: `advertiser:acme`. */
export const TENANT_SCOPES = ['advertiser', 'publisher'] as const;

/** Most scopes that one key may carry; an agency's key lists its advertisers. */
export const SCOPES_MAX = 100;

/** What a key may do, read from its scopes. */
export type Grants = {
  readonly ops: boolean;
  readonly ingest: boolean;
  readonly replay: boolean;
  readonly settle: boolean;
  readonly advertiserIds: readonly string[];
  readonly publisherIds: readonly string[];
};

/** Why `scope` is none, or null when it is one. */
export function scopeFault(scope: unknown): string | null {
  const known = `${PLAIN_SCOPES.join(', ')}, advertiser:ID, publisher:ID`;
  if (typeof scope !== 'string') return `a scope is a string, one of ${known}`;
  if ((PLAIN_SCOPES as readonly string[]).includes(scope)) return null;
  const colon = scope.indexOf(':');
  const isTenant = (TENANT_SCOPES as readonly string[]).includes(scope.slice(0, Math.max(colon, 0)));
  if (!isTenant) return `unknown scope; known are ${known}`;
  return isId(scope.slice(colon + 1)) ? null : 'the id of a tenant scope is 1 to 64 of A-Z a-z 0-9 _ . : -';
}

/**
 * Why these scopes may not be one key's, or null. A key speaks for advertisers or for publishers, never for both: "its rows"
 * would have two meanings.
 */
export function scopesFault(scopes: readonly string[]): string | null {
  if (scopes.length === 0) return 'a key needs at least one scope';
  if (scopes.length > SCOPES_MAX) return `a key has at most ${SCOPES_MAX} scopes`;
  const grants = grantsOf(scopes);
  const isMixed = grants.advertiserIds.length > 0 && grants.publisherIds.length > 0;
  return isMixed ? 'one key cannot speak for advertisers and for publishers' : null;
}

/** Reads scopes that were checked when the key was made. */
export function grantsOf(scopes: readonly string[]): Grants {
  const idsAfter = (prefix: string) => scopes.filter((scope) => scope.startsWith(prefix)).map((scope) => scope.slice(prefix.length));
  return {
    ops: scopes.includes('ops'),
    ingest: scopes.includes('ingest'),
    replay: scopes.includes('replay'),
    settle: scopes.includes('settle'),
    advertiserIds: idsAfter('advertiser:'),
    publisherIds: idsAfter('publisher:'),
  };
}
