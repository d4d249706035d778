import type { CatalogueInHand } from './catalogue/catalogue-view.ts';
import type { Edge } from './edge.ts';
import type { RequestScope } from './ports.ts';
import { whenReady, type Soon } from './soon.ts';
import { readSignals, type RequestSignals } from './request/signals.ts';
import { isPrivateRequest } from './request/privacy.ts';

/** One request on its way through its route. */
export type Exchange = {
  readonly edge: Edge;
  readonly request: Request;
  readonly scope: RequestScope;
  /** The query with its `?`, '' where there is none. */
  readonly search: string;
};

/** The catalogue in hand; null: this isolate has never seen any. */
export function catalogueOf({ edge, scope }: Exchange): Soon<CatalogueInHand | null> {
  const ticket = edge.catalogue.ticket();
  return whenReady(edge.catalogue.view(scope), (view) => (view === null ? null : { view, ticket }));
}

/**
 * Whether this edge has heard from its hub lately enough to decide what rests on news: where an event without a token is counted, what a new token carries,
 * whose key still counts. Tokens themselves need no news.
 */
export function isInTouch({ edge, scope }: Exchange): boolean {
  return edge.catalogue.isInTouch(scope.arrivedAtMs);
}

/** The request's headers, read once. */
export function signalsOf({ edge, request, search }: Exchange): RequestSignals {
  const { trustForwarded, dntHonoured } = edge.config;
  return readSignals(request, search, { trustForwarded, isPrivate: (headers, query) => isPrivateRequest(headers, query, dntHonoured) });
}
