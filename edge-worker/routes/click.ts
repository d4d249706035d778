import { EVENT_KINDS } from '../../core/event.ts';
import { nonceText, type TokenFields } from '../../schemas/token.ts';
import type { AdEntry, CatalogueView } from '../catalogue/catalogue-view.ts';
import { lookUp } from '../catalogue/look-up.ts';
import { NO_CLAIMS } from '../event/claims.ts';
import { landingOf } from '../event/landing.ts';
import { recordPromised, refuseEvent } from '../event/promise.ts';
import { catalogueOf, signalsOf, type Exchange } from '../exchange.ts';
import { notFoundPage, overloaded, redirect } from '../replies.ts';
import { whenReady, type Soon } from '../soon.ts';

/**
 * `GET|HEAD /v1/c/{token}`: a person follows an ad's link. verify → look up → screen → record → redirect. Whatever the shard does, the person
 * is sent on within the redirect budget, and only to where the catalogue says; without our signature nobody is sent anywhere.
 */
export function clickRoute(exchange: Exchange, tokenText: string): Soon<Response> {
  const { edge, scope } = exchange;
  return whenReady(catalogueOf(exchange), (catalogue) => {
    if (catalogue === null) return overloaded('the catalogue has not arrived yet');
    const verified = catalogue.view.verifier.verify(tokenText, 'click');
    if (!verified.ok) return refuse(exchange, 'bad_token');
    const { token } = verified;
    const lookedUp = lookUp({ ...catalogue, catalogue: edge.catalogue, scope }, ({ ads }) => ads.get(token.adId));
    return whenReady(lookedUp, ({ found: entry, view }) => (entry === undefined ? refuse(exchange, 'unknown_ad') : leadOn(exchange, { view, entry, token })));
  });
}

type Click = { readonly view: CatalogueView; readonly entry: AdEntry; readonly token: TokenFields };

function leadOn(exchange: Exchange, { view, entry, token }: Click): Soon<Response> {
  const location = landingOf(entry, { clickId: nonceText(token.nonce), publisherId: token.publisherId, placementId: token.placementId });
  const signals = signalsOf(exchange);
  const recorded = recordPromised(exchange, view, {
    claims: { ...NO_CLAIMS, kind: EVENT_KINDS.click, referrer: signals.referrer },
    entry,
    token,
    signals,
    isDirect: true,
    isUnsigned: false,
    receivedAtMs: exchange.scope.arrivedAtMs,
  });
  return whenReady(recorded, () => redirect(location));
}

function refuse(exchange: Exchange, rejection: 'bad_token' | 'unknown_ad'): Response {
  refuseEvent(exchange, rejection);
  return notFoundPage(exchange.request.method);
}
