import type { TokenFields, TokenVerifier, VerifiedToken } from '../../schemas/token.ts';
import type { AdEntry, CatalogueView } from '../catalogue/catalogue-view.ts';
import { lookUp } from '../catalogue/look-up.ts';
import { refuseEvent } from '../event/promise.ts';
import { catalogueOf, type Exchange } from '../exchange.ts';
import { overloaded } from '../replies.ts';
import { whenReady, type Soon } from '../soon.ts';

/** What a request is about whose token is ours and whose ad is known. */
export type Visit = { readonly view: CatalogueView; readonly entry: AdEntry; readonly token: TokenFields };

/** A route whose path ends with a token: what the token must be good for, what becomes of a visit, and what is said where there is none. */
export type TokenRoute = {
  verify(verifier: TokenVerifier, text: string): VerifiedToken;
  take(exchange: Exchange, visit: Visit): Soon<Response>;
  refuse(exchange: Exchange, rejection: TokenRejection): Response;
};
export type TokenRejection = 'bad_token' | 'unknown_ad';

/** verify → look up → the route's own work. A refusal is booked before it is said. */
export function withToken(route: TokenRoute, exchange: Exchange, text: string): Soon<Response> {
  return whenReady(catalogueOf(exchange), (catalogue) => {
    if (catalogue === null) return overloaded('the catalogue has not arrived yet');
    const verified = route.verify(catalogue.view.verifier, text);
    if (!verified.ok) return refuse(route, exchange, 'bad_token');
    const { token } = verified;
    const lookedUp = lookUp(exchange, catalogue, ({ ads }) => ads.get(token.adId));
    return whenReady(lookedUp, ({ found: entry, view }) => (entry === undefined ? refuse(route, exchange, 'unknown_ad') : route.take(exchange, { view, entry, token })));
  });
}

function refuse(route: TokenRoute, exchange: Exchange, rejection: TokenRejection): Response {
  refuseEvent(exchange, rejection);
  return route.refuse(exchange, rejection);
}
