import { EVENT_KINDS } from '../../core/event.ts';
import type { TokenFields, TokenVerifier, VerifiedToken } from '../../schemas/token.ts';
import type { AdEntry, CatalogueView } from '../catalogue/catalogue-view.ts';
import { lookUp } from '../catalogue/look-up.ts';
import { NO_CLAIMS } from '../event/claims.ts';
import { recordPromised, refuseEvent } from '../event/promise.ts';
import { catalogueOf, signalsOf, type Exchange } from '../exchange.ts';
import { noContent, overloaded, pixel, refusal } from '../replies.ts';
import { whenReady, type Soon } from '../soon.ts';

const VIEWABLE = /[?&]v=1(?:&|$)/;

/** `GET|HEAD|POST /v1/i/{token}`: an ad was shown; `?v=1`: and in view. A pixel to an image, nothing to a beacon. */
export function impressionRoute(exchange: Exchange, tokenText: string): Soon<Response> {
  const { edge, scope } = exchange;
  return whenReady(catalogueOf(exchange), (catalogue) => {
    if (catalogue === null) return overloaded('the catalogue has not arrived yet');
    const verified = verifyForImpression(catalogue.view.verifier, tokenText);
    if (!verified.ok) return refuse(exchange, 'bad_token');
    const { token } = verified;
    const lookedUp = lookUp({ ...catalogue, catalogue: edge.catalogue, scope }, ({ ads }) => ads.get(token.adId));
    return whenReady(lookedUp, ({ found: entry, view }) => (entry === undefined ? refuse(exchange, 'unknown_ad') : recordShown(exchange, { view, entry, token })));
  });
}

type Impression = { readonly view: CatalogueView; readonly entry: AdEntry; readonly token: TokenFields };

function recordShown(exchange: Exchange, { view, entry, token }: Impression): Soon<Response> {
  const { request, scope, search } = exchange;
  const signals = signalsOf(exchange);
  const recorded = recordPromised(exchange, view, {
    claims: { ...NO_CLAIMS, kind: EVENT_KINDS.impression, viewable: VIEWABLE.test(search), referrer: signals.referrer },
    entry,
    token,
    signals,
    isDirect: true,
    isUnsigned: false,
    receivedAtMs: scope.arrivedAtMs,
  });
  return whenReady(recorded, () => (request.method === 'POST' ? noContent() : pixel(request.method)));
}

/** A click's token speaks for the impression of its nonce as well; never the other way round. */
export function verifyForImpression(verifier: TokenVerifier, text: string): VerifiedToken {
  const verified = verifier.verify(text, 'impression');
  return verified.ok ? verified : verifier.verify(text, 'click');
}

function refuse(exchange: Exchange, rejection: 'bad_token' | 'unknown_ad'): Response {
  refuseEvent(exchange, rejection);
  return refusal(404, rejection, 'this is no impression of ours');
}
