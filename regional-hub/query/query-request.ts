import type { Dimension } from './dimensions.ts';
import type { Metric } from './metrics.ts';
import type { SecondRange } from './tiles.ts';
import type { TimeZone } from './time-zone.ts';

/** How long a window is; `total` is one window, the whole range. */
export const GRANULARITIES = ['1s', '1m', '1h', '1d', 'total'] as const;
export type Granularity = (typeof GRANULARITIES)[number];

/** Keeps rows whose dimension has any of the values. */
export type Filter = { readonly dimension: Dimension; readonly values: readonly string[] };

/** Where a row stands in its result's order: its window's first second, then its dimensions as asked for. */
export type RowKey = { readonly windowSecond: number; readonly dimensions: readonly string[] };

/** A question about counts, parsed and bounded. Whose rows it may see is not its business: the builder adds that. */
export type QueryRequest = {
  readonly metrics: readonly Metric[];
  readonly groupBy: readonly Dimension[];
  readonly filters: readonly Filter[];
  readonly range: SecondRange;
  readonly granularity: Granularity;
  readonly zone: TimeZone;
  readonly limit: number;
  /** The last row of the page before; null for the first page. */
  readonly after: RowKey | null;
};
