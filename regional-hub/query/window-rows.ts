import { assert, unreachable } from '../../core/errors.ts';
import { TenantStatement, type Statement } from './builder.ts';
import { aggregateOf, type Measure } from './metrics.ts';
import type { Filter, Granularity, QueryRequest } from './query-request.ts';
import type { Tenant } from './tenant.ts';
import { STEPS, TABLES, tilesOf, type StepSeconds, type Tile } from './tiles.ts';
import { areAligned, windowRuns, type WindowRun } from './zone-windows.ts';

/** A question as the engine gets it. */
export type WindowQuestion = Omit<QueryRequest, 'metrics'> & {
  readonly measures: readonly Measure[];
  /** Only windows that begin at one of these seconds; null for all. */
  readonly onlyWindows: readonly number[] | null;
  /** Only events of this kind; null for all. */
  readonly kind: 'click' | null;
};

const GRANULARITY_SECONDS = { '1s': 1, '1m': 60, '1h': 3600, '1d': 86400 } as const satisfies Readonly<Record<Exclude<Granularity, 'total'>, StepSeconds>>;

/**
 * Counts per window and dimensions, one row more than `limit` when there is another page, in the order of `RowKey`. Columns:
 * `window_second` (but for totals), the dimensions, the measures. A total without dimensions always has one row.
 */
export function windowRowsStatement(question: WindowQuestion, tenant: Tenant): Statement {
  const statement = new TenantStatement(tenant);
  const runs = runsOf(question);
  const tiles = tilesOf(question.range, coarsestStepOf(runs));
  const windowOf = windowExpression(statement, runs);
  const pieces = tiles.map((tile) => piece(statement, { question, windowOf }, tile));
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

/** The windows of a question that ranges stored since `sinceMs` have changed, by their claims or by landing late: column `window_second`, rising. */
export function changedWindowsStatement(question: WindowQuestion, tenant: Tenant, sinceMs: number): Statement {
  const statement = new TenantStatement(tenant);
  const time = `fromUnixTimestamp64Milli(${statement.bind('Int64', sinceMs)}, 'UTC')`;
  const since = `stored_at >= least(${time}, ifNull((SELECT minOrNull(stored_at) FROM edgetally.overdue_ranges WHERE landed_at >= ${time}), ${time}))`;
  const windowOf = windowExpression(statement, runsOf(question));
  const rows = statement.read({
    table: 'deltas',
    columns: [`${windowOf('second')} AS window_second`],
    where: [since, ...conditions(statement, { question, windowOf }, { ...question.range, stepSeconds: 1 })],
  });
  return statement.finish(`SELECT DISTINCT window_second FROM (${rows}) ORDER BY window_second LIMIT ${statement.bind('UInt32', question.limit)}`);
}

type Windowed = Pick<QueryRequest, 'granularity' | 'zone' | 'range'>;

/** The coarsest table whose windows never straddle one of the question's. */
export function coarsestStep(question: Windowed): StepSeconds {
  return coarsestStepOf(runsOf(question));
}

/** The windows of a question; null for a total, which has none. Hours and days are the zone's own, minutes are everybody's. */
function runsOf({ granularity, zone, range }: Windowed): readonly WindowRun[] | null {
  switch (granularity) {
    case '1h':
    case '1d':
      return windowRuns(zone, GRANULARITY_SECONDS[granularity], range);
    case '1m':
    case '1s':
      return [{ fromSecond: 0, windowSeconds: GRANULARITY_SECONDS[granularity] }];
    case 'total':
      return null;
    default:
      return unreachable(granularity);
  }
}

function coarsestStepOf(runs: readonly WindowRun[] | null): StepSeconds {
  return STEPS.findLast((step) => runs === null || areAligned(runs, step)) ?? 1;
}

/** A question, and the expression that yields the first second of its window that a row lies in, by the row's column of time. */
type WindowedQuestion = { readonly question: WindowQuestion; readonly windowOf: (column: string) => string };

function piece(statement: TenantStatement, { question, windowOf }: WindowedQuestion, tile: Tile): string {
  const window = question.granularity === 'total' ? [] : [`${windowOf(timeColumn(tile))} AS window_second`];
  // LowCardinality dictionaries do not survive a union of tables well: plain strings do.
  const dimensions = question.groupBy.map((dimension) => `toString(${dimension}) AS ${dimension}`);
  return statement.read({
    table: TABLES[tile.stepSeconds],
    columns: [...window, ...dimensions, 'kind', 'disposition', ...columnsOf(question.measures)],
    where: conditions(statement, { question, windowOf }, tile),
  });
}

function timeColumn({ stepSeconds }: Tile): string {
  return stepSeconds === 1 ? 'second' : 'window';
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

function conditions(statement: TenantStatement, { question, windowOf }: WindowedQuestion, tile: Tile): string[] {
  const column = timeColumn(tile);
  const onlyWindows =
    question.onlyWindows === null || question.granularity === 'total'
      ? []
      : [`${windowOf(column)} IN ${statement.bind('Array(UInt32)', question.onlyWindows)}`];
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

/**
 * The engine is told where windows begin, never a zone's name: its own zones may be of another year than those that read `from` and `to`. What is
 * bound is bound once, however often the expression is used.
 */
function windowExpression(statement: TenantStatement, runs: readonly WindowRun[] | null): WindowedQuestion['windowOf'] {
  if (runs === null) return () => 'toUInt32(0)';
  const [first, ...others] = runs;
  assert(first !== undefined, 'every range meets a window');
  const { fromSecond, windowSeconds } = first;
  if (others.length === 0) return (column) => floorTo(`toUnixTimestamp(${column})`, windowSeconds, fromSecond % windowSeconds);
  const starts = statement.bind('Array(UInt32)', runs.map((run) => run.fromSecond));
  const lengths = statement.bind('Array(UInt32)', runs.map((run) => run.windowSeconds));
  return (column) => {
    const start = `roundDown(toUnixTimestamp(${column}), ${starts})`;
    const length = `transform(${start}, ${starts}, ${lengths})`;
    return `toUInt32(${start} + intDiv(toUnixTimestamp(${column}) - ${start}, ${length}) * ${length})`;
  };
}

/** The last of the seconds `phase, phase + step, …` that is not after `second`. */
function floorTo(second: string, stepSeconds: number, phaseSeconds: number): string {
  if (stepSeconds === 1) return second;
  if (phaseSeconds === 0) return `toUInt32(intDiv(${second}, ${stepSeconds}) * ${stepSeconds})`;
  return `toUInt32(intDiv(${second} - ${phaseSeconds}, ${stepSeconds}) * ${stepSeconds} + ${phaseSeconds})`;
}

function afterCursor(statement: TenantStatement, { after, granularity }: WindowQuestion, keys: readonly string[]): string {
  if (after === null || keys.length === 0) return '';
  const window = granularity === 'total' ? [] : [statement.bind('UInt32', after.windowSecond)];
  const values = [...window, ...after.dimensions.map((value) => statement.bind('String', value))];
  return `HAVING (${keys.join(', ')}) > (${values.join(', ')})`;
}
