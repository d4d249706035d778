import { EDGE_ROUTES } from '../../schemas/edge-routes.ts';
import { textOf } from '../../schemas/event-json.ts';
import { parseNonceOrder } from '../../schemas/nonce-order.ts';
import { callerOf } from '../auth/caller.ts';
import { lookUp } from '../catalogue/look-up.ts';
import { mintToken } from '../event/mint.ts';
import { catalogueOf, isInTouch, type Exchange } from '../exchange.ts';
import { json, outOfTouch, overloaded, refusal } from '../replies.ts';
import { readBody } from '../request/body.ts';
import { viewerKey } from '../viewer/viewer-key.ts';

/** `POST /v1/nonces`: a publisher's server asks for tokens for an ad that it is about to show. */
export async function noncesRoute(exchange: Exchange): Promise<Response> {
  const { edge, request, scope } = exchange;
  const body = await readBody(request, EDGE_ROUTES.nonces.maxBodyBytes);
  if (!body.ok) return refusal(body.flaw.status, body.flaw.code, body.flaw.message);
  const catalogue = await catalogueOf(exchange);
  if (catalogue === null) return overloaded('the catalogue has not arrived yet');
  if (!isInTouch(exchange)) return outOfTouch();
  const { caller, view: viewOfCaller } = await callerOf(exchange, catalogue);
  if (caller.kind !== 'known') return refusal(401, 'unauthorized', 'a publisher key is needed');
  const parsed = parseNonceOrder(textOf(body.bytes));
  if (!parsed.ok) return refusal(400, 'malformed', parsed.message);
  const { order } = parsed;
  if (!caller.grants.publisherIds.has(order.publisherId)) return refusal(403, 'not_allowed', 'the key does not speak for this publisher');
  const { found: entry, view } = await lookUp(exchange, { ...catalogue, view: viewOfCaller }, ({ ads }) => ads.get(order.adId));
  if (entry === undefined) return refusal(404, 'unknown_ad', 'no such ad');
  if (!entry.allows(order.publisherId)) return refusal(403, 'not_allowed', 'the ad does not allow this publisher');
  const issuedAtMs = scope.arrivedAtMs;
  const viewer = viewerKey(edge.hasher, { userPseudoId: order.userPseudoId, ipHash: '', agent: '', ipPrefix: '', receivedAtMs: issuedAtMs });
  const by = { signer: view.signer, hasher: edge.hasher, random: edge.random };
  const mint = { ...order, entry, shardEpochs: view.shardEpochs, viewer, contextHash: 0, issuedAtMs, origin: originOf(exchange) };
  return json(200, { tokens: Array.from({ length: order.count }, () => mintToken(mint, by)) });
}

/** Origin of the URLs we hand out: the one that is configured, else the one by which we were called. */
export function originOf({ edge, request }: Exchange): string {
  return edge.config.publicUrl || new URL(request.url).origin;
}
