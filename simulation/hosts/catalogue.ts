import { createHash } from 'node:crypto';
import { FREE, type Pricing } from '../../core/money.ts';
import { type AdPlaceNotes, parseShardName } from '../../core/routing.ts';
import { placesAfterChange } from '../../regional-hub/control/ad-places.ts';
import { DEFAULT_POLICY, type Ad, type Campaign, type ShardEpoch, type Snapshot } from '../../schemas/catalogue.ts';
import { sealSnapshot, tellSnapshot } from '../../schemas/snapshot.ts';

const secretOf = (name: string): string => createHash('sha256').update(`simulation ${name}`).digest('base64url');

export const REGIONS = ['us', 'eu'] as const;
/** Keys of the simulated network. */
export const SECRETS = { snapshot: secretOf('snapshot'), viewer: secretOf('viewer'), flush: secretOf('flush'), token1: secretOf('token 1'), token2: secretOf('token 2') } as const;
/** API keys, as clients have them. */
export const API_KEYS = { publisher: 'sim-publisher', ingest: 'sim-ingest', replay: 'sim-replay' } as const;
/** What shards sign their frames with. */
export const FLUSH_KEY = Buffer.from(SECRETS.flush, 'base64url');
const SNAPSHOT_KEY = Buffer.from(SECRETS.snapshot, 'base64url');
export const PUBLISHER = 'pub-1';
export const LANDING_URL = 'https://shop.example/landing';

const CPC: Pricing = { model: 'cpc', micros: 250_000, currency: 'USD' };
const CPM: Pricing = { model: 'cpm', micros: 1_500_000, currency: 'USD' };

/** Windows differ, so that a rule which forgets its campaign shows. */
export const CAMPAIGNS: readonly Campaign[] = [
  { campaignId: 'spring', advertiserId: 'acme', name: 'Spring', ...DEFAULT_POLICY },
  { campaignId: 'quick', advertiserId: 'acme', name: 'Quick', clickWindowMs: 10_000, idempotencyWindowMs: 600_000, attributionWindowMs: 120_000 },
  { campaignId: 'autumn', advertiserId: 'other', name: 'Autumn', clickWindowMs: 300_000, idempotencyWindowMs: 86_400_000, attributionWindowMs: 3_600_000 },
];

export const ADS: readonly Ad[] = [
  ad('ad-cpc', 'spring', CPC),
  ad('ad-cpm', 'spring', CPM, { homeRegion: 'eu' }),
  ad('ad-quick', 'quick', CPC),
  ad('ad-hot', 'autumn', CPC, { salts: 3, homeRegion: 'eu' }),
  ad('ad-free', 'autumn', FREE),
  ad('ad-paused', 'spring', CPC, { status: 'paused' }),
];

export function campaignOf(adId: string): Campaign {
  const { campaignId } = ADS.find((known) => known.adId === adId)!;
  return CAMPAIGNS.find((known) => known.campaignId === campaignId)!;
}

/** Where the objects of a shard's home region run. */
export function siteOf(shard: string): string {
  return `objects-${parseShardName(shard)?.homeRegion ?? shard.split('.')[1]}`;
}

/** What operators change while the network runs. */
export class ControlPlane {
  #version = 1;
  #sealed = '';
  #issuedAtMs: number;
  #epochs: readonly ShardEpoch[];
  #ads: readonly Ad[] = ADS;
  #places: AdPlaceNotes = {};
  #signingKid = 1;
  #newerWords = false;

  constructor(nowMs: number, shards: number) {
    this.#issuedAtMs = nowMs;
    this.#epochs = [{ epoch: 0, sinceMs: 0, shards }];
    this.#sign();
  }

  get epochs(): readonly ShardEpoch[] {
    return this.#epochs;
  }

  /** The snapshot as edges read it at `nowMs`. */
  text(nowMs: number): string {
    return tellSnapshot({ toldAtMs: nowMs, sealed: this.#sealed }, SNAPSHOT_KEY);
  }

  reshard(nowMs: number, sinceMs: number, shards: number): void {
    this.#epochs = [...this.#epochs, { epoch: this.#epochs.length, sinceMs, shards }];
    this.#publish(nowMs);
  }

  /** Spreads an ad over another number of sub-shards, or moves it to another region. */
  place(nowMs: number, adId: string, place: Partial<Pick<Ad, 'salts' | 'homeRegion'>>): void {
    const ads = this.#ads.map((ad) => (ad.adId === adId ? { ...ad, ...place } : ad));
    this.#places = placesAfterChange(this.#places, { before: this.#ads, after: ads, nowMs });
    this.#ads = ads;
    this.#publish(nowMs);
  }

  signWith(nowMs: number, kid: number): void {
    this.#signingKid = kid;
    this.#publish(nowMs);
  }

  /** A newer hub says more than older edges know. */
  deploy(nowMs: number, isNewer: boolean): void {
    this.#newerWords = isNewer;
    this.#publish(nowMs);
  }

  #publish(nowMs: number): void {
    this.#version += 1;
    this.#issuedAtMs = Math.max(this.#issuedAtMs + 1, nowMs);
    this.#sign();
  }

  #sign(): void {
    const snapshot: Snapshot = {
      catalogueVersion: this.#version,
      issuedAtMs: this.#issuedAtMs,
      advertisers: ['acme', 'other'].map((advertiserId) => ({ advertiserId, name: advertiserId, timezone: 'UTC' })),
      publishers: [{ publisherId: PUBLISHER, name: 'The News' }],
      campaigns: CAMPAIGNS,
      ads: this.#ads,
      regions: REGIONS,
      shardEpochs: this.#epochs,
      saltEpochs: this.#places,
      keys: [key('publisher', `publisher:${PUBLISHER}`), key('ingest', 'ingest'), key('replay', 'replay')],
      signingKid: this.#signingKid,
      revokedKids: [],
      dataCenterCidrs: [],
    };
    const told = this.#newerWords ? { ...snapshot, wordsOfANewerHub: { weather: 'fair' } } : snapshot;
    this.#sealed = sealSnapshot(told, SNAPSHOT_KEY);
  }
}

function key(name: keyof typeof API_KEYS, scope: string) {
  return { keyId: name, keyHash: createHash('sha256').update(API_KEYS[name]).digest('hex'), scopes: [scope], signingSecret: '' };
}

function ad(adId: string, campaignId: string, pricing: Pricing, more: Partial<Ad> = {}): Ad {
  return {
    adId,
    campaignId,
    pricing,
    creativeId: `creative-of-${adId}`,
    landingUrl: LANDING_URL,
    publisherIds: ['*'],
    format: 'banner',
    clickIdParam: '',
    salts: 1,
    homeRegion: '',
    allowUnsigned: false,
    status: 'active',
    activeFromMs: 0,
    activeToMs: 0,
    ...more,
  };
}
