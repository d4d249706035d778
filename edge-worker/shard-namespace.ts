import { parseShardName } from '../core/routing.ts';
import type { ShardDoor, SpillDoor } from './ports.ts';

type Placement = { readonly locationHint?: string };

/** The part of a durable object namespace that an edge uses. */
type Namespace<Stub> = { idFromName(name: string): unknown; get(id: never, placement?: Placement): Stub };
export type ShardNamespace = Namespace<{ record(batch: Uint8Array, batchId: string): PromiseLike<Uint8Array> }>;
export type SpillNamespace = Namespace<{ hold(shard: string, batch: Uint8Array, batchId: string): PromiseLike<void> }>;

/** Where the objects of a home region are first made. Source: Cloudflare's location hints; a region of another name goes where it is first used. */
const LOCATION_HINTS: Readonly<Record<string, string>> = { us: 'enam', eu: 'weur', ap: 'apac', sa: 'sam', oc: 'oc', af: 'afr', me: 'me' };
/** Spill objects per region: one that is down takes a part only. */
const SPILL_OBJECTS = 4;

/** Calls shards; with a fresh stub each time, since a stub that threw stays broken. */
export function shardDoor(namespace: ShardNamespace): ShardDoor {
  return { record: async (shard, batch, batchId) => stubOf(namespace, shard, regionOf(shard)).record(batch, batchId) };
}

/** Calls the spill object of the POP's own region that looks after a shard: near, when the shard's region is what cannot be reached. */
export function spillDoor(namespace: SpillNamespace, popRegion: string): SpillDoor {
  return {
    hold: async (shard, batch, batchId) => stubOf(namespace, `spill.${popRegion}.${spillNumber(shard)}`, popRegion).hold(shard, batch, batchId),
  };
}

function stubOf<Stub>(namespace: Namespace<Stub>, name: string, region: string): Stub {
  const locationHint = LOCATION_HINTS[region];
  const id = namespace.idFromName(name) as never;
  return locationHint === undefined ? namespace.get(id) : namespace.get(id, { locationHint });
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
