import { NO_KEY } from '../../core/event.ts';
import { isId } from '../../core/ids.ts';
import { MAX_TTL_MS } from '../../schemas/nonce-order.ts';
import { lookUp } from '../catalogue/look-up.ts';
import { mintToken } from '../event/mint.ts';
import { catalogueOf, isInTouch, signalsOf, type Exchange } from '../exchange.ts';
import { json, outOfTouch, overloaded, refusal } from '../replies.ts';
import { contextHash } from '../viewer/context-hash.ts';
import { viewerKey } from '../viewer/viewer-key.ts';
import { originOf } from './nonces.ts';

/** `GET /v1/tag?ad=&pub=&pl=`: a page asks for one token itself. Bound to its prefix and agent, so that it is of no use elsewhere. */
export async function tagRoute(exchange: Exchange): Promise<Response> {
  const { edge, scope, search } = exchange;
  const signals = signalsOf(exchange);
  if (!edge.tagLimiter.allows(signals.ipPrefix, scope.arrivedAtMs)) {
    return refusal(429, 'too_many_requests', 'too many tags from this network', { 'retry-after': '1' });
  }
  const query = new URLSearchParams(search);
  const adId = query.get('ad');
  const publisherId = query.get('pub');
  const placementId = query.get('pl') ?? '';
  if (!isId(adId) || !isId(publisherId) || (placementId !== '' && !isId(placementId))) return refusal(400, 'malformed', 'ad and pub must be ids, pl one or absent');
  const catalogue = await catalogueOf(exchange);
  if (catalogue === null) return overloaded('the catalogue has not arrived yet');
  if (!isInTouch(exchange)) return outOfTouch();
  const { found: entry, view } = await lookUp(exchange, catalogue, ({ ads }) => ads.get(adId));
  if (entry === undefined) return refusal(404, 'unknown_ad', 'no such ad');
  if (!entry.allows(publisherId)) return refusal(403, 'not_allowed', 'the ad does not allow this publisher');
  const { agent, ipPrefix, isPrivate } = signals;
  const issuedAtMs = scope.arrivedAtMs;
  const viewer = isPrivate ? NO_KEY : viewerKey(edge.hasher, { userPseudoId: '', ipHash: '', agent, ipPrefix, receivedAtMs: issuedAtMs });
  const order = { entry, shardEpochs: view.shardEpochs, publisherId, placementId, viewer, contextHash: contextHash(edge.hasher, signals), issuedAtMs, ttlMs: MAX_TTL_MS, origin: originOf(exchange) };
  return json(200, { tokens: [mintToken(order, { signer: view.signer, hasher: edge.hasher, random: edge.random })] });
}
