import { MINUTE_MS, SECOND_MS } from '../../core/time.ts';
import { TenantStatement, type Statement } from './builder.ts';
import { aggregateOf, type Measure } from './metrics.ts';
import type { Filter, Granularity, QueryRequest } from './query-request.ts';
import type { Tenant } from './tenant.ts';
import { STEPS, TABLES, tilesOf, type StepSeconds, type Tile } from './tiles.ts';
import { alignedStep, UTC, type TimeZone } from './time-zone.ts';

/** A question as the engine gets it. */
export type WindowQuestion = Omit<QueryRequest, 'metrics'> & {
  readonly measures: readonly Measure[];
  /** Only windows that begin at one of these seconds; null for all. */
  readonly onlyWindows: readonly number[] | null;
  /** Only events of this kind; null for all. */
  readonly kind: 'click' | null;
};

const GRANULARITY_SECONDS: Readonly<Record<Exclude<Granularity, 'total'>, StepSeconds>> = { '1s': 1, '1m': 60, '1h': 3600, '1d': 86400 };
const MINUTE = MINUTE_MS / SECOND_MS;

/**
 * Counts per window and dimensions, one row more than `limit` when there is another page, in the order of `RowKey`. Columns:
 * `window_second` (but for totals), the dimensions, the measures. A total without dimensions always has one row.
 */
export function windowRowsStatement(question: WindowQuestion, tenant: Tenant): Statement {
  const statement = new TenantStatement(tenant);
  const tiles = tilesOf(question.range, coarsestStep(question));
  const pieces = tiles.map((tile) => piece(statement, question, tile));
  const keys = [...(question.granularity === 'total' ? [] : ['window_second']), ...question.groupBy];
  const measures = question.measures.map((measure) => `${aggregateOf(measure)} AS ${measure}`);
  const clauses = [
    `SELECT ${[...keys, ...measures].join(', ')}`,
    `FROM (${pieces.join(' UNION ALL ')})`,
    keys.length > 0 ? `GROUP BY ${keys.join(', ')}` : '',
    afterCursor(statement, question, keys),
    keys.length > 0 ? `ORDER BY ${keys.join(', ')}` : '',
    `LIMIT ${statement.bind('UInt32', question.limit + 1)}`,
  ];
  return statement.finish(clauses.filter((clause) => clause !== '').join(' '));
}

/** The windows of a question that frames stored since `sinceMs` have changed: column `window_second`, rising. */
export function changedWindowsStatement(question: WindowQuestion, tenant: Tenant, sinceMs: number): Statement {
  const statement = new TenantStatement(tenant);
  const since = `stored_at >= fromUnixTimestamp64Milli(${statement.bind('Int64', sinceMs)}, 'UTC')`;
  const rows = statement.read({
    table: 'deltas',
    columns: [`${windowExpression(statement, question, 'second')} AS window_second`],
    where: [since, ...conditions(statement, question, { ...question.range, stepSeconds: 1 })],
  });
  return statement.finish(`SELECT DISTINCT window_second FROM (${rows}) ORDER BY window_second LIMIT ${statement.bind('UInt32', question.limit)}`);
}

/** The coarsest table whose windows never straddle one of the question's. */
export function coarsestStep({ granularity, zone, range }: Pick<QueryRequest, 'granularity' | 'zone' | 'range'>): StepSeconds {
  if (granularity === 'total') return 86400;
  const steps = STEPS.filter((step) => step <= GRANULARITY_SECONDS[granularity]);
  return alignedStep(granularity === '1h' || granularity === '1d' ? zone : UTC, range, steps) as StepSeconds;
}

function piece(statement: TenantStatement, question: WindowQuestion, tile: Tile): string {
  const column = tile.stepSeconds === 1 ? 'second' : 'window';
  const window = question.granularity === 'total' ? [] : [`${windowExpression(statement, question, column)} AS window_second`];
  // LowCardinality dictionaries do not survive a union of tables well: plain strings do.
  const dimensions = question.groupBy.map((dimension) => `toString(${dimension}) AS ${dimension}`);
  return statement.read({
    table: TABLES[tile.stepSeconds],
    columns: [...window, ...dimensions, 'kind', 'disposition', ...columnsOf(question.measures)],
    where: conditions(statement, question, tile),
  });
}

function columnsOf(measures: readonly Measure[]): readonly string[] {
  const columns = measures.map((measure) => {
    if (measure === 'unique_users') return 'users';
    if (measure === 'viewable_impressions') return 'viewable';
    if (measure === 'billable_clicks') return 'billable';
    if (measure === 'cost_nanos') return 'cost_nanos';
    return measure.startsWith('late_') ? 'late' : 'count';
  });
  return [...new Set(columns)];
}

function conditions(statement: TenantStatement, question: WindowQuestion, tile: Tile): string[] {
  const column = tile.stepSeconds === 1 ? 'second' : 'window';
  const onlyWindows =
    question.onlyWindows === null || question.granularity === 'total'
      ? []
      : [`${windowExpression(statement, question, column)} IN ${statement.bind('Array(UInt32)', question.onlyWindows)}`];
  return [
    `${column} >= toDateTime(${statement.bind('UInt32', tile.fromSecond)}, 'UTC')`,
    `${column} < toDateTime(${statement.bind('UInt32', tile.toSecond)}, 'UTC')`,
    ...question.filters.map((filter) => filterCondition(statement, filter)),
    ...(question.kind === null ? [] : [`kind = '${question.kind}'`]),
    ...onlyWindows,
  ];
}

function filterCondition(statement: TenantStatement, { dimension, values }: Filter): string {
  return `${dimension} IN ${statement.bind('Array(String)', values)}`;
}

/** First second of the window that a row lies in; hours and days are the zone's own, minutes are everybody's. */
function windowExpression(statement: TenantStatement, { granularity, zone }: Pick<QueryRequest, 'granularity' | 'zone'>, column: string): string {
  const second = `toUnixTimestamp(${column})`;
  switch (granularity) {
    case '1h':
    case '1d':
      return zone === UTC ? floorTo(second, GRANULARITY_SECONDS[granularity]) : zonedWindow(statement, { granularity, zone, column });
    case '1m':
      return floorTo(second, MINUTE);
    case '1s':
      return second;
    case 'total':
      return 'toUInt32(0)';
  }
}

function floorTo(second: string, stepSeconds: number): string {
  return `toUInt32(intDiv(${second}, ${stepSeconds}) * ${stepSeconds})`;
}

function zonedWindow(statement: TenantStatement, { granularity, zone, column }: { granularity: '1h' | '1d'; zone: TimeZone; column: string }): string {
  const start = granularity === '1h' ? 'toStartOfHour' : 'toStartOfDay';
  return `toUnixTimestamp(${start}(toTimeZone(${column}, ${statement.bind('String', zone)})))`;
}

function afterCursor(statement: TenantStatement, { after, granularity }: WindowQuestion, keys: readonly string[]): string {
  if (after === null || keys.length === 0) return '';
  const window = granularity === 'total' ? [] : [statement.bind('UInt32', after.windowSecond)];
  const values = [...window, ...after.dimensions.map((value) => statement.bind('String', value))];
  return `HAVING (${keys.join(', ')}) > (${values.join(', ')})`;
}
