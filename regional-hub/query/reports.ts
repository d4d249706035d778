import { SECOND_MS } from '../../core/time.ts';
import { isId } from '../../core/ids.ts';
import { Parameters } from '../http/parameters.ts';
import { badRequest } from '../http/request-error.ts';
import { hiddenRows } from './breakdown-page.ts';
import { TenantStatement, type Statement } from './builder.ts';
import { isDimension, type Dimension } from './dimensions.ts';
import { bigintOf, jsonInteger, type EngineRow } from './engine.ts';
import { runQuery, type QueryDeps } from './query-service.ts';
import type { QueryRequest } from './query-request.ts';
import { parseGranularity, parseRange, parseZone, ROWS_MAX } from './request.ts';
import { isoOf } from './rows.ts';
import { isViewerDimension, visibleUsers } from './suppression.ts';
import type { Tenant } from './tenant.ts';
import { windowRowsStatement, type WindowQuestion } from './window-rows.ts';

export const CLICKS_PARAMETERS = ['ad_id', 'from', 'to', 'granularity', 'breakdown', 'tz'] as const;
export const HOURLY_PARAMETERS = ['from', 'to', 'tz'] as const;

type Count = number | string;

/** One window of an ad's clicks. Windows without a click are left out. */
export type ClickPoint = {
  readonly windowStart: string;
  readonly clicks: Count;
  /** Null where a tenant would learn of too few people. */
  readonly uniqueUsers: Count | null;
  readonly breakdown?: Readonly<Record<string, Count>>;
};

/**
 * `GET /v1/metrics/clicks`: an ad's counted clicks by window, and by one dimension if asked. `suppressed` counts what a tenant was not told: cells of
 * the breakdown, and numbers of people.
 */
export async function clicksReport(deps: QueryDeps, search: URLSearchParams, tenant: Tenant) {
  const parameters = new Parameters(search, CLICKS_PARAMETERS);
  const adId = requireId(parameters.required('ad_id'), 'ad_id');
  const granularity = parseGranularity(parameters.text('granularity') ?? '1m');
  const breakdown = parseBreakdown(parameters.text('breakdown'));
  const zone = parseZone(parameters);
  const question: WindowQuestion = {
    ...({ granularity, zone, range: parseRange(parameters, zone), limit: ROWS_MAX, after: null, onlyWindows: null } as const),
    filters: [{ dimension: 'ad_id', values: [adId] }],
    groupBy: [],
    measures: ['clicks', 'unique_users'],
    kind: 'click',
  };
  const totals = await deps.engine.rows(windowRowsStatement(question, tenant));
  // Judged by everybody in the cell, as `/v1/query` does: two judgements of one cell would tell each other's.
  const parts = breakdown === null ? [] : await deps.engine.rows(windowRowsStatement({ ...question, groupBy: [breakdown], kind: null }, tenant));
  const shown = breakdown === null ? { parts, suppressed: 0 } : shownParts(parts, breakdown, tenant, deps);
  const minUsers = tenant.kind === 'all' ? 0 : deps.minCellUsers.clicksOnly;
  const windows = breakdown === null ? null : breakdownByWindow(shown.parts, breakdown);
  const points = totals.filter((row) => bigintOf(row['clicks']) !== 0n).map((row) => clickPoint(row, question, windows, minUsers));
  const withheldUsers = points.filter(({ uniqueUsers }) => uniqueUsers === null).length;
  return { adId, granularity, points, suppressed: shown.suppressed + withheldUsers };
}

/** `GET /v1/reports/campaigns/{id}/hourly`: what a campaign got and cost, hour by hour. `spend` is in micros of its currency. */
export async function hourlyReport(deps: QueryDeps, campaignId: string, search: URLSearchParams, tenant: Tenant) {
  const parameters = new Parameters(search, HOURLY_PARAMETERS);
  const zone = parseZone(parameters);
  const request: QueryRequest = {
    metrics: ['impressions', 'clicks', 'spend_micros'],
    groupBy: [],
    filters: [{ dimension: 'campaign_id', values: [requireId(campaignId, 'campaign id')] }],
    range: parseRange(parameters, zone),
    granularity: '1h',
    zone,
    limit: ROWS_MAX,
    after: null,
  };
  const { rows, meta } = await runQuery(deps, request, tenant);
  const buckets = rows.map((row) => ({ hour: row['window'], impressions: row['impressions'], clicks: row['clicks'], spend: row['spend_micros'] }));
  return { campaignId, buckets, meta };
}

/** How far back latency is measured. */
const LATENCY_RANGE_SECONDS = 3_600;

/** `GET /v1/metrics/campaigns/{id}/latency`: from an event's receipt to its storage, over the last hour of live traffic. Null without any. */
export async function latencyReport(deps: QueryDeps & { pipelineLagSeconds: () => Promise<number> }, campaignId: string, tenant: Tenant) {
  const sinceSecond = Math.floor(deps.clock.nowMs() / SECOND_MS) - LATENCY_RANGE_SECONDS;
  const rows = await deps.engine.rows(latencyStatement(requireId(campaignId, 'campaign id'), sinceSecond, tenant));
  const p95 = rows[0]?.['ingest_p95_ms'];
  const ingestP95Ms = p95 === null || p95 === undefined ? null : Math.round(Number(p95));
  return { campaignId, ingestP95Ms, pipelineLagSeconds: await deps.pipelineLagSeconds() };
}

function latencyStatement(campaignId: string, sinceSecond: number, tenant: Tenant): Statement {
  const statement = new TenantStatement(tenant);
  const rows = statement.read({
    table: 'raw_events',
    columns: ['dateDiff(\'millisecond\', received_at, stored_at) AS ingest_ms'],
    where: [
      `campaign_id = ${statement.bind('String', campaignId)}`,
      "source = 'live'",
      `received_second >= toDateTime(${statement.bind('UInt32', Math.max(0, sinceSecond))}, 'UTC')`,
    ],
  });
  return statement.finish(`SELECT if(count() = 0, NULL, quantile(0.95)(ingest_ms)) AS ingest_p95_ms FROM (${rows})`);
}

function parseBreakdown(text: string | undefined): Dimension | null {
  if (text === undefined) return null;
  if (!isDimension(text)) throw badRequest('breakdown is one dimension, such as device_type or country');
  return text;
}

function requireId(text: string, name: string): string {
  if (!isId(text)) throw badRequest(`${name} is 1 to 64 of A-Z a-z 0-9 _ . : -`);
  return text;
}

function shownParts(parts: readonly EngineRow[], breakdown: Dimension, tenant: Tenant, deps: QueryDeps): { parts: readonly EngineRow[]; suppressed: number } {
  if (tenant.kind === 'all' || !isViewerDimension(breakdown)) return { parts, suppressed: 0 };
  // The last window would lack cells that decide which of the others are withheld.
  if (parts.length > ROWS_MAX) throw badRequest(`more than ${ROWS_MAX} cells: ask for a shorter range or longer windows`, 'too_many_cells');
  const hidden = hiddenRows(parts, { groupBy: [breakdown] }, deps.minCellUsers.viewerBreakdown);
  const withheld = parts.filter((row, index) => hidden[index] && bigintOf(row['clicks']) !== 0n);
  return { parts: parts.filter((_, index) => !hidden[index]), suppressed: withheld.length };
}

function breakdownByWindow(parts: readonly EngineRow[], breakdown: Dimension): Map<string, Record<string, Count>> {
  const windows = new Map<string, Record<string, Count>>();
  for (const row of parts) {
    const clicks = bigintOf(row['clicks']);
    if (clicks === 0n) continue;
    const window = String(row['window_second']);
    windows.set(window, { ...windows.get(window), [String(row[breakdown])]: jsonInteger(clicks) });
  }
  return windows;
}

function clickPoint(row: EngineRow, question: WindowQuestion, windows: Map<string, Record<string, Count>> | null, minUsers: number): ClickPoint {
  const second = question.granularity === 'total' ? question.range.fromSecond : Number(row['window_second']);
  const point = { windowStart: isoOf(second), clicks: jsonInteger(bigintOf(row['clicks'])), uniqueUsers: visibleUsers(jsonInteger(bigintOf(row['unique_users'])), minUsers) };
  return windows === null ? point : { ...point, breakdown: windows.get(String(row['window_second'])) ?? {} };
}
