import { HmacKey } from '../core/crypto/hmac.ts';
import { createKeyHasher, type KeyHasher } from '../core/hash.ts';
import { shardName, slotAt } from '../core/routing.ts';
import { hearSnapshot, openSnapshot } from '../schemas/snapshot.ts';
import { KeyHashes } from './auth/key-hash.ts';
import { CatalogueCache } from './catalogue/catalogue-cache.ts';
import { catalogueView, type CatalogueView } from './catalogue/catalogue-view.ts';
import type { EdgeConfig } from './config.ts';
import { Coalescer } from './delivery/coalescer.ts';
import { RejectionCourier } from './delivery/rejection-courier.ts';
import { SpillWay } from './delivery/spill-way.ts';
import { RejectionTally } from './delivery/tallies.ts';
import type { EventTools } from './event/draft-event.ts';
import type { RandomBytes, ShardDoor, SnapshotStore, SpillDoor } from './ports.ts';
import { BodyArrivals } from './request/body-arrivals.ts';
import { BodyBudget } from './request/body-budget.ts';
import { RateLimiter } from './request/rate-limiter.ts';
import { AgentReader } from './viewer/agent-facts.ts';

/** What an edge needs of its surroundings. */
export type EdgePorts = {
  readonly shards: ShardDoor;
  readonly spill: SpillDoor;
  readonly snapshots: SnapshotStore;
  readonly random: RandomBytes;
  /** One line for an operator; never on the way of a request that goes well. */
  readonly log: (message: string) => void;
};

/** One isolate's edge: everything that is made once and shared by its requests. */
export type Edge = {
  readonly config: EdgeConfig;
  readonly hasher: KeyHasher;
  readonly agents: AgentReader;
  readonly keyHashes: KeyHashes;
  readonly catalogue: CatalogueCache;
  readonly coalescer: Coalescer;
  readonly rejections: RejectionCourier;
  readonly spill: SpillWay;
  readonly tagLimiter: RateLimiter;
  readonly bodies: BodyBudget;
  /** Strangers who send slowly take room from one another, not from our senders. */
  readonly arrivals: { readonly known: BodyArrivals; readonly strangers: BodyArrivals };
  readonly random: RandomBytes;
  readonly log: (message: string) => void;
  /** Since the isolate began: promised events whose commit outlived the redirect budget. An SLI. */
  readonly counts: { unconfirmed: number };
};

/** A whole office or carrier gateway shares one prefix; a page asks once per ad. */
const TAG_LIMIT = { burst: 200, perSecond: 20 } as const;

/** Loads the hash and puts an edge together. */
export async function createEdge(config: EdgeConfig, ports: EdgePorts): Promise<Edge> {
  return assembleEdge(config, ports, await createKeyHasher(hashSeed(config.viewerKey)));
}

/** Puts an edge together; `hasher` must have the seed that `viewerKey` gives. */
export function assembleEdge(config: EdgeConfig, ports: EdgePorts, hasher: KeyHasher): Edge {
  const { shards, random, log } = ports;
  const catalogue = new CatalogueCache({
    store: ports.snapshots,
    hear: (text) => hearSnapshot(text, config.snapshotKey),
    open: (sealed) => catalogueView(openSnapshot(sealed, config.snapshotKey), { tokenKeys: config.tokenKeys, firstRegion: config.regions[0]! }),
    log,
  });
  const tally = new RejectionTally(config.tallyRegion);
  const spill = new SpillWay(ports.spill, log);
  return {
    config,
    hasher,
    agents: new AgentReader(),
    keyHashes: new KeyHashes(),
    catalogue,
    coalescer: new Coalescer({ shards, spill, rejections: tally, random, log }),
    rejections: new RejectionCourier({ tally, shards, bookkeeper: (nowMs) => bookkeeperShard(catalogue.held, config.tallyRegion, nowMs) }),
    spill,
    tagLimiter: new RateLimiter(TAG_LIMIT),
    bodies: new BodyBudget(),
    arrivals: { known: new BodyArrivals(), strangers: new BodyArrivals() },
    random,
    log,
    counts: { unconfirmed: 0 },
  };
}

/** What events are made with while `view` is the catalogue. */
export function eventTools(edge: Edge, view: CatalogueView): EventTools {
  return { hasher: edge.hasher, agents: edge.agents, dataCenters: view.dataCenters, pop: edge.config.pop, dntHonoured: edge.config.dntHonoured };
}

/** Every edge of a network has the same seed, or one event would have two identities. */
function hashSeed(viewerKey: Uint8Array): bigint {
  const tag = new HmacKey(viewerKey).tag(new TextEncoder().encode('event-keys'));
  return new DataView(tag.buffer, tag.byteOffset, 8).getBigUint64(0);
}

/** The first shard of the POP's region keeps the books of what its edges refused. */
function bookkeeperShard(view: CatalogueView | null, region: string, nowMs: number): string | null {
  if (view === null || view.shardEpochs.length === 0) return null;
  return shardName({ source: 'live', homeRegion: region, slot: slotAt(view.shardEpochs, 0, nowMs), route: 0, salts: 1 });
}
