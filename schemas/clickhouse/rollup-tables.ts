import type { Retention } from './landing-tables.ts';
import { DIMENSIONS, OUTCOME, type Columns, type Table, type View } from './table.ts';

const MEASURES = ['count', 'billable', 'viewable', 'late', 'cost_nanos'] as const;

/** Deltas folded by window; half a row until merged, so every query sums (and merges `users`). */
export const ROLLUP_COLUMNS = {
  window: "DateTime('UTC')",
  ...DIMENSIONS,
  ...OUTCOME,
  count: 'SimpleAggregateFunction(sum, Int64)',
  billable: 'SimpleAggregateFunction(sum, Int64)',
  viewable: 'SimpleAggregateFunction(sum, Int64)',
  late: 'SimpleAggregateFunction(sum, Int64)',
  cost_nanos: 'SimpleAggregateFunction(sum, Int64)',
  users: 'AggregateFunction(uniqCombined64(17), UInt64)',
  last_stored_at: "SimpleAggregateFunction(max, DateTime('UTC'))",
} as const satisfies Columns;

export const ROLLUPS = [
  { name: 'rollup_1m', from: 'deltas', time: 'second', window: 'toStartOfMinute' },
  { name: 'rollup_1h', from: 'rollup_1m', time: 'window', window: 'toStartOfHour' },
  { name: 'rollup_1d', from: 'rollup_1h', time: 'window', window: 'toStartOfDay' },
] as const;
export type RollupName = (typeof ROLLUPS)[number]['name'];

/** `rollup_1m`, `rollup_1h` and `rollup_1d`, the window partitioned by month. */
export function rollupTables(retention: Retention): Table<typeof ROLLUP_COLUMNS>[] {
  return ROLLUPS.map(({ name }) => rollup(name, name === 'rollup_1m' ? retention.minuteDays : retention.hourDays));
}

/** The cascade deltas → 1m → 1h → 1d: each view sees only the block just inserted, so the work is that of the block. */
export function rollupViews(): View[] {
  return ROLLUPS.map(({ name, from, time, window }) => ({
    name: `feed_${name}`,
    from,
    to: name,
    select: foldSelect(from, time, window),
  }));
}

function rollup(name: string, days: number): Table<typeof ROLLUP_COLUMNS> {
  const primaryKey = ['advertiser_id', 'campaign_id', 'window'];
  const rest = [...Object.keys(DIMENSIONS), ...Object.keys(OUTCOME)].filter((column) => !primaryKey.includes(column));
  return {
    name,
    columns: ROLLUP_COLUMNS,
    engine: 'AggregatingMergeTree',
    partitionBy: 'toYYYYMM(window)',
    primaryKey,
    orderBy: [...primaryKey, ...rest],
    // by storage time, as everywhere: imported history stays as long as anything else
    expiresAt: `last_stored_at + INTERVAL ${days} DAY`,
    indices: ['by_publisher publisher_id TYPE set(1024) GRANULARITY 1', 'by_stored last_stored_at TYPE minmax GRANULARITY 1'],
    projections: [],
  };
}

function foldSelect(from: string, time: string, window: string): string {
  const keys = [...Object.keys(DIMENSIONS), ...Object.keys(OUTCOME)].join(', ');
  const sums = MEASURES.map((measure) => `sum(s.${measure}) AS ${measure}`).join(', ');
  const storedAt = from === 'deltas' ? "max(toDateTime(s.stored_at, 'UTC'))" : 'max(s.last_stored_at)';
  const start = window === 'toStartOfDay' ? `toStartOfDay(s.${time}, 'UTC')` : `${window}(s.${time})`;
  const users = 'uniqCombined64MergeState(17)(s.users) AS users';
  return `SELECT ${start} AS window, ${keys}, ${sums}, ${users}, ${storedAt} AS last_stored_at FROM {db}.${from} AS s GROUP BY window, ${keys}`;
}
