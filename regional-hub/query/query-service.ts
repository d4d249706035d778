import type { Clock } from '../../core/time.ts';
import { breakdownPage, cellsQuestion, isViewerBreakdown, wholeWindowsQuestion, type BreakdownPage } from './breakdown-page.ts';
import { encodeCursor } from './cursor.ts';
import type { EngineRow, QueryEngine } from './engine.ts';
import { measuresOf, type Measure } from './metrics.ts';
import type { QueryRequest, RowKey } from './query-request.ts';
import { keyOf, queryRow, type QueryRow } from './rows.ts';
import { visibleUsers, type MinCellUsers } from './suppression.ts';
import type { Tenant } from './tenant.ts';
import { windowRowsStatement, type WindowQuestion } from './window-rows.ts';

/** What a reply says about itself. */
export type QueryMeta = {
  /** Counts of the stream: provisional until their day is settled. */
  readonly source: 'stream';
  /** The store holds everything that was stored up to here; 0 before the first frame. */
  readonly watermarkMs: number;
  /** When the question was put. */
  readonly asOf: string;
  readonly version: 'live';
  /** True where numbers of people are estimates (exact under 300, within 2 % above). */
  readonly approximate: boolean;
  /** Cells and numbers of people that were withheld because they speak of too few, or would give such a cell away. */
  readonly suppressed: number;
  /** Leads to the next page of `/v1/query`; null on the last, and in the stream, which sends all of them. */
  readonly cursor: string | null;
};

/** Reply of `/v1/query`, and of each event of the stream. */
export type QueryReply = { readonly rows: readonly QueryRow[]; readonly meta: QueryMeta };

export type QueryDeps = {
  readonly engine: QueryEngine;
  readonly clock: Clock;
  /** Latest time at which a range of deltas was stored whole. */
  readonly watermarkMs: () => Promise<number>;
  readonly minCellUsers: MinCellUsers;
};

/** A part of an answer, and where the next one begins; null after the last. */
export type QueryPage = { readonly rows: readonly QueryRow[]; readonly meta: Omit<QueryMeta, 'cursor'>; readonly next: RowKey | null };

/** Answers a question for a tenant. */
export async function runQuery(deps: QueryDeps, request: QueryRequest, tenant: Tenant): Promise<QueryReply> {
  const { rows, meta, next } = await queryPage(deps, request, tenant, null);
  return { rows, meta: { ...meta, cursor: next === null ? null : encodeCursor(next, request) } };
}

/**
 * The whole answer in pages of `request.limit` rows, each asked for when it is taken; `onlyWindows` (their first seconds) narrows it to
 * windows that changed. Each page is as of its own time.
 */
export async function* queryPages(deps: QueryDeps, request: QueryRequest, tenant: Tenant, onlyWindows: readonly number[] | null): AsyncGenerator<QueryPage, void> {
  let after = request.after;
  do {
    const page = await queryPage(deps, { ...request, after }, tenant, onlyWindows);
    yield page;
    after = page.next;
  } while (after !== null);
}

async function queryPage(deps: QueryDeps, request: QueryRequest, tenant: Tenant, onlyWindows: readonly number[] | null): Promise<QueryPage> {
  const watermarkMs = await deps.watermarkMs();
  const { rows, suppressed, next } = await pageOf(deps, request, tenant, questionOf(request, tenant, onlyWindows));
  const approximate = request.metrics.includes('unique_users');
  return { rows, meta: { source: 'stream', watermarkMs, asOf: new Date(deps.clock.nowMs()).toISOString(), version: 'live', approximate, suppressed }, next };
}

/**
 * Tenants see no cell that tells viewers apart and speaks of too few of them, and no number of people that small; counts and
 * money as such are never withheld, and operators see everything (docs/decisions/0016).
 */
async function pageOf(deps: QueryDeps, request: QueryRequest, tenant: Tenant, question: WindowQuestion): Promise<BreakdownPage> {
  if (isJudged(request, tenant)) {
    const cells = await deps.engine.rows(windowRowsStatement(wholeWindowsQuestion(question), tenant));
    return breakdownPage(cells, request, deps.minCellUsers.viewerBreakdown);
  }
  const found = await deps.engine.rows(windowRowsStatement(question, tenant));
  const page = found.slice(0, request.limit);
  const last = page.at(-1);
  const next = found.length > request.limit && last !== undefined ? keyOf(last, request) : null;
  const mayShowUsers = tenant.kind === 'all' || !request.metrics.includes('unique_users');
  return { ...(mayShowUsers ? { rows: page.map((row) => queryRow(row, request)), suppressed: 0 } : withholdUsers(page, request, deps.minCellUsers.clicksOnly)), next };
}

/** What the engine must be asked so that the request can be answered to this tenant. */
export function questionOf(request: QueryRequest, tenant: Tenant, onlyWindows: readonly number[] | null): WindowQuestion {
  const measures = new Set<Measure>(request.metrics.flatMap(measuresOf));
  const question: WindowQuestion = { ...request, measures: [...measures], onlyWindows, kind: null };
  return isJudged(request, tenant) ? cellsQuestion(question) : question;
}

function withholdUsers(page: readonly EngineRow[], request: QueryRequest, minUsers: number): { rows: QueryRow[]; suppressed: number } {
  let suppressed = 0;
  const rows = page.map((row) => {
    if (visibleUsers(row['unique_users'], minUsers) !== null) return queryRow(row, request);
    suppressed += 1;
    return { ...queryRow(row, request), unique_users: null };
  });
  return { rows, suppressed };
}

function isJudged(request: QueryRequest, tenant: Tenant): boolean {
  return tenant.kind !== 'all' && isViewerBreakdown(request);
}
