import { isInTouch, type Exchange } from '../exchange.ts';
import { json } from '../replies.ts';

/**
 * `GET /healthz`: this isolate answers. `inTouch` is false where its hub has not been heard of for too long: tokens are still served, what rests on news
 * gets 503. Its own counts since it began ride along; `unconfirmed` is an SLI, `parkedBatches` are promised ones that
 * wait in memory, `lostBatches` must stay 0.
 */
export async function healthzRoute(exchange: Exchange): Promise<Response> {
  const { edge, scope } = exchange;
  await edge.catalogue.view(scope);
  const { spilled, parked, lost } = edge.spill.counts;
  return json(200, {
    ok: true,
    pop: edge.config.pop,
    catalogueVersion: edge.catalogue.held?.catalogueVersion ?? null,
    inTouch: isInTouch(exchange),
    isolate: { unconfirmed: edge.counts.unconfirmed, spilledBatches: spilled, parkedBatches: parked, lostBatches: lost },
  });
}
