import type { Exchange } from '../exchange.ts';
import { json } from '../replies.ts';

/** `GET /healthz`: this isolate answers. Its own counts since it began ride along; `unconfirmed` is an SLI, `lostBatches` must stay 0. */
export function healthzRoute({ edge }: Exchange): Response {
  const { spilled, lost } = edge.spill.counts;
  return json(200, {
    ok: true,
    pop: edge.config.pop,
    catalogueVersion: edge.catalogue.held?.catalogueVersion ?? null,
    isolate: { unconfirmed: edge.counts.unconfirmed, spilledBatches: spilled, lostBatches: lost },
  });
}
