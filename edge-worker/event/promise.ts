import type { Rejection } from '../../core/disposition.ts';
import { keepAlive } from '../../core/keep-alive.ts';
import type { Source } from '../../core/routing.ts';
import type { CatalogueView } from '../catalogue/catalogue-view.ts';
import { deliverPromised } from '../delivery/delivery-office.ts';
import type { Exchange } from '../exchange.ts';
import { whenReady, type Soon } from '../soon.ts';
import { addressEvent } from './address-event.ts';
import type { Arrival } from './draft-event.ts';

/**
 * Records an event whose sender gets his answer whatever happens: waits for its commit as long as a redirect may, then leaves it to go on by
 * itself. Never throws; a commit that is still on its way is counted as unconfirmed.
 */
export function recordPromised(exchange: Exchange, view: CatalogueView, arrival: Arrival, source: Source = 'live'): Soon<void> {
  const { edge, scope } = exchange;
  try {
    return whenReady(deliverPromised(edge.coalescer, addressEvent(edge, view, keepAlive('arrival', arrival), source), edge.config.redirectBudgetMs, scope), (isDurable) => {
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
