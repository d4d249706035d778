import { refuseParameters } from '../http/parameters.ts';
import { json, tenantOfCaller, type Handler } from '../http/handler.ts';
import { RequestError } from '../http/request-error.ts';
import { runQuery, type QueryDeps } from './query-service.ts';
import { clicksReport, hourlyReport, latencyReport } from './reports.ts';
import type { QueryRequest } from './query-request.ts';
import { parseQueryRequest } from './request.ts';
import { tenantColumn, type Tenant } from './tenant.ts';

export type QueryHandlerDeps = QueryDeps & {
  /** How long the newest frame in the log has waited for the store; 0 when nothing waits. */
  readonly pipelineLagSeconds: () => Promise<number>;
};

/** `/v1/query` and the reports. */
export function queryHandlers(deps: QueryHandlerDeps) {
  const query: Handler = async (request) => {
    const tenant = tenantOfCaller(request);
    const question = parseQueryRequest(request.search);
    refuseForeignFilters(question, tenant);
    return json(await runQuery(deps, question, tenant));
  };

  const clicks: Handler = async (request) => json(await clicksReport(deps, request.search, tenantOfCaller(request)));

  const hourly: Handler = async (request) => json(await hourlyReport(deps, request.path('id'), request.search, tenantOfCaller(request)));

  const latency: Handler = async (request) => {
    refuseParameters(request.search);
    return json(await latencyReport(deps, request.path('id'), tenantOfCaller(request)));
  };

  return { query, clicksReport: clicks, hourlyReport: hourly, latencyReport: latency };
}

/**
 * A tenant that names another one is told so (403), whether or not that other one exists. This is courtesy: the rows are kept apart by the
 * builder, with or without it.
 */
export function refuseForeignFilters({ filters }: QueryRequest, tenant: Tenant): void {
  if (tenant.kind === 'all') return;
  const column = tenantColumn(tenant);
  const foreign = filters.some(({ dimension, values }) => dimension === column && values.some((value) => !tenant.ids.includes(value)));
  if (foreign) throw new RequestError(403, 'forbidden', `this key sees only ${tenant.kind} ${tenant.ids.join(', ')}`);
}
