/** Column types that our tables use; each has one writer in `native/columns.ts`. */
export type ColumnType =
  | 'LowCardinality(String)'
  | 'String'
  | 'Array(LowCardinality(String))'
  | 'UInt8'
  | 'UInt16'
  | 'UInt32'
  | 'UInt64'
  | 'Int64'
  | "DateTime('UTC')"
  | "DateTime64(3, 'UTC')"
  | 'SimpleAggregateFunction(sum, Int64)'
  | "SimpleAggregateFunction(max, DateTime('UTC'))"
  | 'AggregateFunction(uniqCombined64(17), UInt64)';

export type Columns = Readonly<Record<string, ColumnType>>;

/** One table, the same for the embedded engine and for a cluster; `ddl.ts` renders it. */
export type Table<C extends Columns = Columns> = {
  readonly name: string;
  readonly columns: C;
  readonly engine: 'MergeTree' | 'AggregatingMergeTree';
  readonly partitionBy: string;
  readonly primaryKey: readonly string[];
  /** Begins with the primary key; of an aggregating table it is the whole identity of a row. */
  readonly orderBy: readonly string[];
  /** When a row may go, as an expression of type DateTime; '' = never. */
  readonly expiresAt: string;
  readonly indices: readonly string[];
  readonly projections: readonly string[];
};

/** A view that feeds `to` with every block that is inserted into `from`. */
export type View = { readonly name: string; readonly from: string; readonly to: string; readonly select: string };

/** What every queryable row is cut by, in the order of our sort keys; '' = absent. */
export const DIMENSIONS = {
  advertiser_id: 'LowCardinality(String)',
  campaign_id: 'LowCardinality(String)',
  ad_id: 'LowCardinality(String)',
  creative_id: 'LowCardinality(String)',
  publisher_id: 'LowCardinality(String)',
  placement_id: 'LowCardinality(String)',
  country: 'LowCardinality(String)',
  device_type: 'LowCardinality(String)',
  region: 'LowCardinality(String)',
} as const satisfies Columns;

/** What became of the events of a row. */
export const OUTCOME = {
  kind: 'LowCardinality(String)',
  disposition: 'LowCardinality(String)',
  reason: 'LowCardinality(String)',
} as const satisfies Columns;

/** Where a row came from; `stored_at` is the time of its range's claim, so that a repeat writes the same bytes. */
export const PROVENANCE = {
  stored_at: "DateTime64(3, 'UTC')",
  log_partition: 'UInt32',
  log_offset: 'UInt64',
  shard: 'LowCardinality(String)',
  epoch: 'UInt64',
  seq: 'UInt64',
} as const satisfies Columns;

/** One insert has one `stored_at`: partitions by its day make one insert one part, and a part appears whole or not at all. */
export const BY_STORED_DAY = 'toYYYYMMDD(stored_at)';
