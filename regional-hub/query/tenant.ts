/** Whose rows a key may see. Nobody but operators sees all. */
export type Tenant =
  | { readonly kind: 'all' }
  | { readonly kind: 'advertiser'; readonly ids: readonly string[] }
  | { readonly kind: 'publisher'; readonly ids: readonly string[] };

/** The column that a tenant's rows carry its id in; null for who sees all. */
export function tenantColumn(tenant: Tenant): 'advertiser_id' | 'publisher_id' | null {
  switch (tenant.kind) {
    case 'all':
      return null;
    case 'advertiser':
      return 'advertiser_id';
    case 'publisher':
      return 'publisher_id';
  }
}
