import { EDGE_ROUTES } from '../../schemas/edge-routes.ts';
import { parseClickBody, textOf, type ParsedEvent } from '../../schemas/event-json.ts';
import type { Rejection } from '../../core/disposition.ts';
import { callerOf, ingestGrants, isSignedAsDemanded } from '../auth/caller.ts';
import type { Grants } from '../auth/grants.ts';
import { lookUp } from '../catalogue/look-up.ts';
import type { AdEntry, CatalogueView } from '../catalogue/catalogue-view.ts';
import { claimsOf } from '../event/claims.ts';
import { atTheDoor, checkToken, type Admitted, type Refused } from '../event/door.ts';
import { landingOf } from '../event/landing.ts';
import { recordPromised, refuseEvent } from '../event/promise.ts';
import { nonceText } from '../../schemas/token.ts';
import { catalogueOf, isInTouch, signalsOf, type Exchange } from '../exchange.ts';
import { outOfTouch, overloaded, redirect, refusal } from '../replies.ts';
import { readBody } from '../request/body.ts';

/**
 * `POST /v1/click`: a click told in JSON; answers with the redirect. With a key it is a server's report, with a token the person's own; with
 * neither it still leads to the landing page, and is filtered as `unsigned` unless the ad allows that.
 */
export async function clickBodyRoute(exchange: Exchange): Promise<Response> {
  const { request, scope } = exchange;
  const body = await readBody(request, EDGE_ROUTES.click.maxBodyBytes);
  if (!body.ok) return refuse(exchange, body.flaw.status, 'malformed', body.flaw.message, body.flaw.code);
  const parsed = parseClickBody(parseJson(textOf(body.bytes)));
  if (!parsed.ok) return refuse(exchange, 400, parsed.code, parsed.message);
  const { event } = parsed;
  const catalogue = await catalogueOf(exchange);
  if (catalogue === null) return overloaded('the catalogue has not arrived yet');
  const { caller, view: viewOfCaller } = await callerOf(exchange, catalogue);
  if ((caller.kind !== 'anonymous' || event.token === '') && !isInTouch(exchange)) return outOfTouch();
  if (caller.kind === 'unknown') return refuse(exchange, 401, 'unauthorized', 'the key is not known');
  if (caller.kind === 'known' && !isSignedAsDemanded(exchange, caller.key, body.raw)) return refuse(exchange, 401, 'unauthorized', 'X-Signature is missing or wrong');
  const { found: entry, view } = await lookUp(exchange, { ...catalogue, view: viewOfCaller }, ({ ads }) => ads.get(event.adId));
  const grants = ingestGrants(caller);
  const result = clickAtTheDoor({ event, grants, entry, view, nowMs: scope.arrivedAtMs });
  if (!result.ok) return refuse(exchange, statusOf(result.code), result.code, result.message);
  return recordAndRedirect(exchange, view, result, grants);
}

type ClickQuestion = { readonly event: ParsedEvent; readonly grants: Grants | null; readonly entry: AdEntry | undefined; readonly view: CatalogueView; readonly nowMs: number };

/** As every event, but that nobody need speak for it. */
function clickAtTheDoor({ event, grants, entry, view, nowMs }: ClickQuestion): Admitted | Refused {
  const tokenCheck = checkToken(event, view.verifier);
  const anybody = { mayIngest: true, mayReplay: false, publisherIds: new Set<string>(), advertiserIds: new Set<string>() };
  return atTheDoor({ event, tokenCheck, grants: grants ?? anybody, entry, nowMs });
}

async function recordAndRedirect(exchange: Exchange, view: CatalogueView, admitted: Admitted, grants: Grants | null): Promise<Response> {
  const { event, entry, token, publisherId, receivedAtMs, source } = admitted;
  const clickId = token === null ? event.clickId : nonceText(token.nonce);
  const location = landingOf(entry, { clickId, publisherId, placementId: token?.placementId || event.placementId });
  await recordPromised(exchange, view, {
    claims: claimsOf(event, publisherId),
    entry,
    token,
    signals: signalsOf(exchange),
    isDirect: grants === null,
    isUnsigned: token === null && grants === null && !entry.ad.allowUnsigned,
    receivedAtMs,
  }, source);
  return redirect(location);
}

function refuse(exchange: Exchange, status: number, rejection: Rejection, message: string, code: string = rejection): Response {
  refuseEvent(exchange, rejection);
  return refusal(status, code, message);
}

/** A program sent it, so it is told in JSON; a token that we did not sign leads nowhere. */
function statusOf(rejection: Rejection): number {
  switch (rejection) {
    case 'unauthorized':
      return 401;
    case 'not_allowed':
      return 403;
    case 'bad_token':
    case 'unknown_ad':
      return 404;
    case 'malformed':
    case 'unsupported_schema':
    case 'token_mismatch':
    case 'campaign_mismatch':
      return 400;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
