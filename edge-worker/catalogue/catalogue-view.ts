import { TrackingError } from '../../core/errors.ts';
import type { AdTerms } from '../../core/event.ts';
import { adHash } from '../../core/hash.ts';
import { type AdPlace, placeAt } from '../../core/routing.ts';
import type { EpochMs } from '../../core/time.ts';
import type { Ad, Campaign, ShardEpoch, Snapshot, SnapshotKey } from '../../schemas/catalogue.ts';
import { parseLandingUrl, type LandingUrl } from '../../schemas/landing-url.ts';
import { TokenSigner, TokenVerifier, type TokenKeys } from '../../schemas/token.ts';
import { cidrSet, type CidrSet } from '../screening/cidr-set.ts';
import { ShardNames } from './shard-names.ts';

/** An ad with all that a request needs of it. */
export class AdEntry {
  readonly ad: Ad;
  readonly terms: AdTerms;
  readonly homeRegion: string;
  readonly adHash: number;
  readonly shards = new ShardNames();
  readonly #places: readonly Required<AdPlace>[];
  readonly #publisherIds: ReadonlySet<string> | null;
  #landing: LandingUrl | null = null;

  /** `places`: of an ad that was ever spread otherwise or moved. */
  constructor(ad: Ad, campaign: Campaign, firstRegion: string, places: readonly AdPlace[] = [{ sinceMs: 0, salts: ad.salts }]) {
    this.ad = ad;
    this.#places = places.map((place) => ({ ...place, homeRegion: (place.homeRegion ?? ad.homeRegion) || firstRegion }));
    this.adHash = adHash(ad.adId);
    this.homeRegion = ad.homeRegion || firstRegion;
    this.#publisherIds = ad.publisherIds.includes('*') ? null : new Set(ad.publisherIds);
    this.terms = {
      adId: ad.adId,
      campaignId: ad.campaignId,
      advertiserId: campaign.advertiserId,
      creativeId: ad.creativeId,
      clickWindowMs: campaign.clickWindowMs,
      idempotencyWindowMs: campaign.idempotencyWindowMs,
      attributionWindowMs: campaign.attributionWindowMs,
      pricing: ad.pricing,
    };
  }

  /** Whether the publisher may carry the ad; nobody ('') is nobody's publisher and is let through. */
  allows(publisherId: string): boolean {
    return publisherId === '' || this.#publisherIds === null || this.#publisherIds.has(publisherId);
  }

  /** Where an event without a token is counted, by its time: the same for each of its copies, whenever the ad is spread wider or moved. */
  placeAt(timeMs: EpochMs): Required<AdPlace> {
    return placeAt(this.#places, timeMs);
  }

  /** Whether the ad runs at `timeMs`. */
  isActiveAt(timeMs: EpochMs): boolean {
    const { status, activeFromMs, activeToMs } = this.ad;
    return status === 'active' && timeMs >= activeFromMs && (activeToMs === 0 || timeMs < activeToMs);
  }

  /** Where a click leads: taken apart at the ad's first click. */
  get landing(): LandingUrl {
    this.#landing ??= readLanding(this.ad);
    return this.#landing;
  }
}

/** One snapshot, indexed: what an isolate answers from. Immutable. */
export type CatalogueView = {
  readonly catalogueVersion: number;
  readonly issuedAtMs: EpochMs;
  readonly ads: ReadonlyMap<string, AdEntry>;
  readonly keys: ReadonlyMap<string, SnapshotKey>;
  readonly shardEpochs: readonly ShardEpoch[];
  readonly signer: TokenSigner;
  readonly verifier: TokenVerifier;
  readonly dataCenters: CidrSet;
};

/** What a request answers from, and the ticket, drawn when it came, that asks for a newer one. */
export type CatalogueInHand = { readonly view: CatalogueView; readonly ticket: number };

/** Indexes a snapshot. An ad whose campaign is missing is left out: nothing could be priced. */
export function catalogueView(snapshot: Snapshot, options: { tokenKeys: TokenKeys; firstRegion: string }): CatalogueView {
  const campaigns = new Map(snapshot.campaigns.map((campaign) => [campaign.campaignId, campaign]));
  const ads = new Map<string, AdEntry>();
  for (const ad of snapshot.ads) {
    const campaign = campaigns.get(ad.campaignId);
    if (campaign !== undefined) ads.set(ad.adId, new AdEntry(ad, campaign, options.firstRegion, snapshot.saltEpochs[ad.adId]));
  }
  const status = { signingKid: snapshot.signingKid, revokedKids: snapshot.revokedKids };
  return {
    catalogueVersion: snapshot.catalogueVersion,
    issuedAtMs: snapshot.issuedAtMs,
    ads,
    keys: new Map(snapshot.keys.map((key) => [key.keyHash, key])),
    shardEpochs: snapshot.shardEpochs,
    signer: new TokenSigner(options.tokenKeys, status),
    verifier: new TokenVerifier(options.tokenKeys, status),
    dataCenters: cidrSet(snapshot.dataCenterCidrs),
  };
}

/** The snapshot to hold: never an older one than we have, whatever order they come in. */
export function isNewer(offered: { catalogueVersion: number; issuedAtMs: EpochMs }, held: { catalogueVersion: number; issuedAtMs: EpochMs }): boolean {
  if (offered.catalogueVersion !== held.catalogueVersion) return offered.catalogueVersion > held.catalogueVersion;
  return offered.issuedAtMs > held.issuedAtMs;
}

function readLanding(ad: Ad): LandingUrl {
  const parsed = parseLandingUrl(ad.landingUrl);
  if (!parsed.ok) throw new TrackingError('corrupt_bytes', `ad ${ad.adId} has a landing URL that registration would refuse: ${parsed.message}`);
  return parsed.url;
}
