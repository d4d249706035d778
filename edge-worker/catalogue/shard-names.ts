import { shardName, type ShardAddress } from '../../core/routing.ts';

/** As many sub-shards as an ad with a great deal of traffic has; whoever has more of them has the names of the others made anew. */
const MAX_REMEMBERED = 64;

type Named = { readonly source: string; readonly homeRegion: string; readonly epoch: number; readonly shard: number; readonly name: string };

/** The names of one ad's shards, each remembered as it was last asked for: to spell one costs more than all the rest of finding it. */
export class ShardNames {
  readonly #bySalt: (Named | undefined)[] = [];

  /** `shardName` of the address. */
  nameOf(address: ShardAddress): string {
    const salt = address.route % address.salts;
    const known = this.#bySalt[salt];
    if (known !== undefined && isOf(known, address)) return known.name;
    const name = shardName(address);
    const { source, homeRegion, slot } = address;
    if (salt < MAX_REMEMBERED) this.#bySalt[salt] = { source, homeRegion, epoch: slot.epoch, shard: slot.shard, name };
    return name;
  }
}

function isOf(known: Named, { source, homeRegion, slot }: ShardAddress): boolean {
  return known.source === source && known.homeRegion === homeRegion && known.epoch === slot.epoch && known.shard === slot.shard;
}
