import type { Rejection } from '../../core/disposition.ts';
import type { Source } from '../../core/routing.ts';
import { eventTools } from '../edge.ts';
import type { CatalogueView } from '../catalogue/catalogue-view.ts';
import { deliverPromised } from '../delivery/delivery-office.ts';
import type { Exchange } from '../exchange.ts';
import { whenReady, type Soon } from '../soon.ts';
import { draftEvent, type Arrival } from './draft-event.ts';
import { shardOf } from './shard-of.ts';

/**
 * Records an event whose sender gets his answer whatever happens: waits for its commit as long as a redirect may, then leaves it to go on by
 * itself. Never throws; a commit that is still on its way is counted as unconfirmed.
 */
export function recordPromised(exchange: Exchange, view: CatalogueView, arrival: Arrival, source: Source = 'live'): Soon<void> {
  const { edge, scope } = exchange;
  try {
    const event = draftEvent(arrival, eventTools(edge, view));
    const address = shardOf(event, { source, entry: arrival.entry, token: arrival.token, hasher: edge.hasher, epochs: view.shardEpochs });
    return whenReady(deliverPromised(edge.coalescer, { event, ...address }, edge.config.redirectBudgetMs, scope), (isDurable) => {
      if (!isDurable) edge.counts.unconfirmed++;
    });
  } catch (cause) {
    edge.log(`a promised event of ad ${arrival.entry.ad.adId} could not be recorded: ${String(cause)}`);
  }
}

/** Books events that were refused at the door, at the time of their request. */
export function refuseEvent({ edge, scope }: Exchange, rejection: Rejection, count = 1): void {
  edge.rejections.add({ rejection, receivedAtMs: scope.arrivedAtMs, count }, scope);
}
