import { slotAt, type Source } from '../../core/routing.ts';
import type { KeyHasher } from '../../core/hash.ts';
import type { ShardEpoch } from '../../schemas/catalogue.ts';
import type { TokenFields } from '../../schemas/token.ts';
import type { AdEntry } from '../catalogue/catalogue-view.ts';
import type { DraftEvent } from '../delivery/delivery.ts';

export type ShardOf = { readonly shard: string; readonly homeRegion: string };

/**
 * Where an event is counted. A token carries its region, its shard and epoch, its route and its ad's sub-shards, so that every copy of it meets in one
 * object, whatever an edge knows of the network; without a token the ad, the viewer and the event's own time decide. The POP never does.
 */
export function shardOf(
  event: DraftEvent,
  by: { source: Source; entry: AdEntry; token: TokenFields | null; hasher: KeyHasher; epochs: readonly ShardEpoch[] },
): ShardOf {
  const { source, entry, token, hasher, epochs } = by;
  const place = token === null ? entry.placeAt(event.eventTimeMs) : { homeRegion: token.homeRegion || entry.homeRegion, salts: token.salts };
  const shard = entry.shards.nameOf({
    source,
    homeRegion: place.homeRegion,
    slot: token?.slot ?? slotAt(epochs, entry.adHash, event.eventTimeMs),
    route: token?.route ?? hasher.route(event.viewer),
    salts: place.salts,
  });
  return { shard, homeRegion: place.homeRegion };
}
