import type { Scope } from '../../schemas/catalogue.ts';

/** What a key may do at an edge. */
export type Grants = {
  readonly mayIngest: boolean;
  readonly mayReplay: boolean;
  /** Publishers that the key speaks for; in an ingesting key they are also a limit. Empty: no limit. */
  readonly publisherIds: ReadonlySet<string>;
  /** Advertisers whose ads an ingesting key may report on. Empty: no limit. */
  readonly advertiserIds: ReadonlySet<string>;
};

/** Reads a key's scopes; those that mean nothing at an edge (`ops`, `settle`) grant nothing here. */
export function grantsOf(scopes: readonly Scope[]): Grants {
  return {
    mayIngest: scopes.includes('ingest') || scopes.includes('replay'),
    mayReplay: scopes.includes('replay'),
    publisherIds: idsOf(scopes, 'publisher:'),
    advertiserIds: idsOf(scopes, 'advertiser:'),
  };
}

/** Whether an ingesting key may report an event of this publisher ('' = none named) on this advertiser's ad. */
export function isInTenant(grants: Grants, event: { publisherId: string; advertiserId: string }): boolean {
  const isPublisherOurs = grants.publisherIds.size === 0 || grants.publisherIds.has(event.publisherId);
  const isAdvertiserOurs = grants.advertiserIds.size === 0 || grants.advertiserIds.has(event.advertiserId);
  return isPublisherOurs && isAdvertiserOurs;
}

/** The publisher of an event that names none: the key's own where it speaks for exactly one. */
export function impliedPublisher(grants: Grants): string {
  if (grants.publisherIds.size !== 1) return '';
  const [publisherId = ''] = grants.publisherIds;
  return publisherId;
}

function idsOf(scopes: readonly Scope[], prefix: string): ReadonlySet<string> {
  return new Set(scopes.filter((scope) => scope.startsWith(prefix)).map((scope) => scope.slice(prefix.length)));
}
