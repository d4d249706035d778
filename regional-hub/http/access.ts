import type { Grants } from '../control/scopes.ts';
import type { Tenant } from '../query/tenant.ts';

/** What a key can be to the hub. A key may be several at once. */
export const ROLES = ['ops', 'advertiser', 'publisher', 'ingest', 'replay', 'settle'] as const;
export type Role = (typeof ROLES)[number];

/**
 * Who a route is for. Every route names exactly one of these, and a test walks each cell of role and route.
 * - `public`: everybody, without a key; tells nothing of tenants.
 * - `shards`: whoever signs frames; the route checks the signature itself.
 * - `edges`: the internal token.
 * - `readers`: operators see all, advertisers and publishers their own rows.
 * - `operators`: administration.
 */
export const ACCESS = ['public', 'shards', 'edges', 'readers', 'operators'] as const;
export type Access = (typeof ACCESS)[number];

/** The matrix: which roles a key needs one of. Empty where keys do not open the route. */
export const ROLES_ADMITTED: Readonly<Record<Access, readonly Role[]>> = {
  public: [],
  shards: [],
  edges: [],
  readers: ['ops', 'advertiser', 'publisher'],
  operators: ['ops'],
};

/** The roles that a key's grants amount to. */
export function rolesOf(grants: Grants): readonly Role[] {
  return ROLES.filter((role) => {
    if (role === 'advertiser') return grants.advertiserIds.length > 0;
    if (role === 'publisher') return grants.publisherIds.length > 0;
    return grants[role];
  });
}

/** Whether a key with these grants may use a route of this access. */
export function mayUse(access: Access, grants: Grants): boolean {
  return rolesOf(grants).some((role) => ROLES_ADMITTED[access].includes(role));
}

/** Whose rows a key sees: all for operators, its own for tenants, null for keys that see none. */
export function tenantOf(grants: Grants): Tenant | null {
  if (grants.ops) return { kind: 'all' };
  if (grants.advertiserIds.length > 0) return { kind: 'advertiser', ids: grants.advertiserIds };
  if (grants.publisherIds.length > 0) return { kind: 'publisher', ids: grants.publisherIds };
  return null;
}
