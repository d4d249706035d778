import { NANOS_PER_MICRO } from '../../core/money.ts';
import { SECOND_MS } from '../../core/time.ts';
import { bigintOf, jsonInteger, type EngineRow } from './engine.ts';
import type { Metric } from './metrics.ts';
import type { QueryRequest, RowKey } from './query-request.ts';

/** A row of a reply: `window`, the dimensions, the metrics. */
export type QueryRow = Readonly<Record<string, string | number | null>>;

/** ISO start of a window. */
export function isoOf(second: number): string {
  return new Date(second * SECOND_MS).toISOString();
}

/** Where a row stands in the order of its result. */
export function keyOf(row: EngineRow, { groupBy, granularity, range }: Pick<QueryRequest, 'groupBy' | 'granularity' | 'range'>): RowKey {
  const windowSecond = granularity === 'total' ? range.fromSecond : Number(row['window_second']);
  return { windowSecond, dimensions: groupBy.map((dimension) => String(row[dimension])) };
}

/** The row that a reader gets. */
export function queryRow(row: EngineRow, request: Pick<QueryRequest, 'metrics' | 'groupBy' | 'granularity' | 'range'>): QueryRow {
  const key = keyOf(row, request);
  const dimensions = request.groupBy.map((dimension, index) => [dimension, key.dimensions[index] as string] as const);
  const metrics = request.metrics.map((metric) => [metric, metricOf(row, metric)] as const);
  return Object.fromEntries<string | number | null>([['window', isoOf(key.windowSecond)], ...dimensions, ...metrics]);
}

/** Nanos to micros, rounded half away from zero: once, for the row that is shown. */
export function microsOf(nanos: bigint): bigint {
  const unit = BigInt(NANOS_PER_MICRO);
  const half = unit / 2n;
  return nanos >= 0n ? (nanos + half) / unit : -((-nanos + half) / unit);
}

function metricOf(row: EngineRow, metric: Metric): number | string | null {
  if (metric === 'ctr') return ratio(bigintOf(row['clicks']), bigintOf(row['impressions']));
  if (metric === 'spend_micros') return jsonInteger(microsOf(bigintOf(row['cost_nanos'])));
  // People of several cells cannot be summed.
  if (metric === 'unique_users' && row[metric] === null) return null;
  return jsonInteger(bigintOf(row[metric]));
}

function ratio(part: bigint, whole: bigint): number | null {
  return whole === 0n ? null : Number(part) / Number(whole);
}
