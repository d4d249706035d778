import type { Source } from '../../core/routing.ts';
import type { CatalogueView } from '../catalogue/catalogue-view.ts';
import type { AddressedEvent } from '../delivery/delivery-office.ts';
import { eventTools, type Edge } from '../edge.ts';
import { draftEvent, type Arrival } from './draft-event.ts';
import { shardOf } from './shard-of.ts';

/** Makes the event of an arrival, and finds the shard that counts it: both by the same catalogue. */
export function addressEvent(edge: Edge, view: CatalogueView, arrival: Arrival, source: Source): AddressedEvent {
  const event = draftEvent(arrival, eventTools(edge, view));
  const { shard, homeRegion } = shardOf(event, { source, entry: arrival.entry, token: arrival.token, hasher: edge.hasher, epochs: view.shardEpochs });
  return { event, shard, homeRegion };
}
