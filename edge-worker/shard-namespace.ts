import { parseShardName } from '../core/routing.ts';
import { BoundedMap } from './bounded-map.ts';
import type { ShardDoor, SpillDoor } from './ports.ts';

type Placement = { readonly locationHint?: string };

/** The part of a durable object namespace that an edge uses. */
type Namespace<Stub> = { idFromName(name: string): unknown; get(id: never, placement?: Placement): Stub };
export type ShardNamespace = Namespace<{ record(batch: Uint8Array, batchId: string): PromiseLike<Uint8Array> }>;
export type SpillNamespace = Namespace<{ hold(shard: string, batch: Uint8Array, batchId: string): PromiseLike<void> }>;

/** Where the objects of a home region are first made. Source: Cloudflare's location hints; a region of another name goes where it is first used. */
const LOCATION_HINTS: Readonly<Record<string, string>> = { us: 'enam', eu: 'weur', ap: 'apac', sa: 'sam', oc: 'oc', af: 'afr', me: 'me' };
/** Ids kept by an isolate: more shards than one sees. */
const REMEMBERED_SHARDS = 4_096;
/** Spill objects per region: one that is down takes a part only. */
const SPILL_OBJECTS = 4;

/** Calls shards; with a fresh stub each time, since a stub that threw stays broken. An object's id is found once: it is a digest of its name. */
export function shardDoor(namespace: ShardNamespace): ShardDoor {
  const ids = new BoundedMap<string, never>(REMEMBERED_SHARDS);
  const idOf = (shard: string): never => {
    const known = ids.get(shard);
    if (known !== undefined) return known;
    const id = namespace.idFromName(shard) as never;
    ids.set(shard, id);
    return id;
  };
  return { record: async (shard, batch, batchId) => namespace.get(idOf(shard), placementIn(regionOf(shard))).record(batch, batchId) };
}

/** Calls the spill object of the POP's own region that looks after a shard: near, when the shard's region is what cannot be reached. */
export function spillDoor(namespace: SpillNamespace, popRegion: string): SpillDoor {
  return {
    hold: async (shard, batch, batchId) => {
      const id = namespace.idFromName(`spill.${popRegion}.${spillNumber(shard)}`) as never;
      return namespace.get(id, placementIn(popRegion)).hold(shard, batch, batchId);
    },
  };
}

/** Nothing for a region that Cloudflare does not know. */
function placementIn(region: string): Placement {
  const locationHint = LOCATION_HINTS[region];
  return locationHint === undefined ? {} : { locationHint };
}

function regionOf(shard: string): string {
  return parseShardName(shard)?.homeRegion ?? '';
}

/** The same object for a shard every time, so that its batches stay in order. */
function spillNumber(shard: string): number {
  let sum = 0;
  for (let i = 0; i < shard.length; i++) sum = (sum * 31 + shard.charCodeAt(i)) >>> 0;
  return sum % SPILL_OBJECTS;
}
