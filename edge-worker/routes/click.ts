import { EVENT_KINDS } from '../../core/event.ts';
import { nonceText } from '../../schemas/token.ts';
import { NO_CLAIMS } from '../event/claims.ts';
import { landingOf } from '../event/landing.ts';
import { recordPromised } from '../event/promise.ts';
import { signalsOf, type Exchange } from '../exchange.ts';
import { notFoundPage, redirect } from '../replies.ts';
import { whenReady, type Soon } from '../soon.ts';
import { withToken, type TokenRoute, type Visit } from './with-token.ts';

const CLICK: TokenRoute = {
  verify: (verifier, text) => verifier.verify(text, 'click'),
  take: leadOn,
  refuse: ({ request }) => notFoundPage(request.method),
};

/**
 * `GET|HEAD /v1/c/{token}`: a person follows an ad's link. verify → look up → screen → record → redirect. Whatever the shard does, the person
 * is sent on within the redirect budget, and only to where the catalogue says; without our signature nobody is sent anywhere.
 */
export function clickRoute(exchange: Exchange, tokenText: string): Soon<Response> {
  return withToken(CLICK, exchange, tokenText);
}

function leadOn(exchange: Exchange, { view, entry, token }: Visit): Soon<Response> {
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
