import { EVENT_KINDS } from '../../core/event.ts';
import type { TokenVerifier, VerifiedToken } from '../../schemas/token.ts';
import { NO_CLAIMS } from '../event/claims.ts';
import { recordPromised } from '../event/promise.ts';
import { signalsOf, type Exchange } from '../exchange.ts';
import { noContent, pixel, refusal } from '../replies.ts';
import { whenReady, type Soon } from '../soon.ts';
import { withToken, type TokenRoute, type Visit } from './with-token.ts';

const VIEWABLE = /[?&]v=1(?:&|$)/;

const IMPRESSION: TokenRoute = {
  verify: verifyForImpression,
  take: recordShown,
  refuse: (_, rejection) => refusal(404, rejection, 'this is no impression of ours'),
};

/** `GET|HEAD|POST /v1/i/{token}`: an ad was shown; `?v=1`: and in view. A pixel to an image, nothing to a beacon. */
export function impressionRoute(exchange: Exchange, tokenText: string): Soon<Response> {
  return withToken(IMPRESSION, exchange, tokenText);
}

function recordShown(exchange: Exchange, { view, entry, token }: Visit): Soon<Response> {
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
function verifyForImpression(verifier: TokenVerifier, text: string): VerifiedToken {
  const verified = verifier.verify(text, 'impression');
  return verified.ok ? verified : verifier.verify(text, 'click');
}
