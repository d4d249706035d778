import type { Registry } from 'prom-client';
import { json, type Handler } from '../http/handler.ts';
import { RequestError } from '../http/request-error.ts';
import { conservationReport, type ConservationDeps } from './conservation-report.ts';

export type OpsDeps = ConservationDeps & {
  readonly registry: Registry;
  readonly watermarkMs: () => Promise<number>;
  /** True once migrations are done and the sink runs. */
  readonly isReady: () => boolean;
};

/** `/v1/ops/…` that reads, and what orchestrators and Prometheus ask. */
export function opsHandlers(deps: OpsDeps) {
  const conservation: Handler = async ({ search }) => json(await conservationReport(deps, search));

  const pipeline: Handler = async () => json({ watermarkMs: await deps.watermarkMs(), ...(await deps.pipeline.report()) });

  const metrics: Handler = async () => new Response(await deps.registry.metrics(), { headers: { 'content-type': deps.registry.contentType } });

  const healthz: Handler = () => json({ status: 'ok' });

  const readyz: Handler = () => {
    if (!deps.isReady()) throw new RequestError(503, 'not_ready', 'the store or the sink is not up yet');
    return json({ status: 'ready' });
  };

  return { conservation, pipeline, metrics, healthz, readyz };
}
