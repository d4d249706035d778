import type { Pricing } from '../core/money.ts';
import type { AdPlaceNotes, ShardEpoch } from '../core/routing.ts';

/** Windows that a campaign may set for itself; DESIGN §2 gives the defaults. */
export type CampaignPolicy = {
  readonly clickWindowMs: number;
  readonly idempotencyWindowMs: number;
  readonly attributionWindowMs: number;
};

export const DEFAULT_POLICY: CampaignPolicy = {
  clickWindowMs: 60_000,
  idempotencyWindowMs: 86_400_000,
  attributionWindowMs: 1_800_000,
};

export type Advertiser = { readonly advertiserId: string; readonly name: string; readonly timezone: string };
export type Publisher = { readonly publisherId: string; readonly name: string };
export type Campaign = CampaignPolicy & { readonly campaignId: string; readonly advertiserId: string; readonly name: string };
export type AdStatus = 'active' | 'paused';
export type Ad = {
  readonly adId: string;
  readonly campaignId: string;
  readonly creativeId: string;
  readonly landingUrl: string;
  /** `['*']` lets every publisher carry it. */
  readonly publisherIds: readonly string[];
  readonly format: string;
  readonly pricing: Pricing;
  /** Query parameter that carries the click's id to the landing page; '' for none. */
  readonly clickIdParam: string;
  /** Sub-shards for a hot ad, 1 … 64: what its new tokens carry. */
  readonly salts: number;
  /** Region whose shards count this ad; '' = the network's first. */
  readonly homeRegion: string;
  readonly allowUnsigned: boolean;
  readonly status: AdStatus;
  /** Active window, half-open; 0 = unbounded. */
  readonly activeFromMs: number;
  readonly activeToMs: number;
};

/** The whole catalogue, as `GET /v1/catalogue` gives it. */
export type Catalogue = {
  readonly catalogueVersion: number;
  readonly advertisers: readonly Advertiser[];
  readonly publishers: readonly Publisher[];
  readonly campaigns: readonly Campaign[];
  readonly ads: readonly Ad[];
};

/** `advertiser:ID`, `publisher:ID`, `ingest`, `replay`, `ops`, `settle`. */
export type Scope = string;

/** An API key as edges know it: never the key itself. */
export type SnapshotKey = {
  readonly keyId: string;
  /** SHA-256 of the key, lower-case hex. */
  readonly keyHash: string;
  readonly scopes: readonly Scope[];
  /** Set where bodies must be signed (`X-Signature`); base64url. */
  readonly signingSecret: string;
};

export type { AdPlaceNotes, ShardEpoch };

/** What the hub tells every edge, signed. */
export type Snapshot = Catalogue & {
  readonly issuedAtMs: number;
  readonly regions: readonly string[];
  readonly shardEpochs: readonly ShardEpoch[];
  /** Where events without a token are counted. The name is older than moves. */
  readonly saltEpochs: AdPlaceNotes;
  readonly keys: readonly SnapshotKey[];
  /** Token key that signs new tokens; 0 = the first of the edge's own list. */
  readonly signingKid: number;
  readonly revokedKids: readonly number[];
  /** CIDR blocks of data centres that the operator loaded, beside the built-in table of hosting ASNs. */
  readonly dataCenterCidrs: readonly string[];
};
