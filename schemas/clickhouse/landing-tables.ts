import { BY_STORED_DAY, DIMENSIONS, OUTCOME, PROVENANCE, type Columns, type Table } from './table.ts';

/** How long rows stay, in days since they were stored (in rollups: since the window was last added to). */
export type Retention = {
  readonly deltasDays: number;
  readonly rawDays: number;
  readonly minuteDays: number;
  readonly hourDays: number;
};

export const DEFAULT_RETENTION: Retention = { deltasDays: 30, rawDays: 90, minuteDays: 400, hourDays: 1_826 };

/** Cells of one second as a frame brought them; corrections subtract as well as add. */
export const DELTA_COLUMNS = {
  ...PROVENANCE,
  second: "DateTime('UTC')",
  ...DIMENSIONS,
  ...OUTCOME,
  count: 'Int64',
  billable: 'Int64',
  viewable: 'Int64',
  late: 'Int64',
  cost_nanos: 'Int64',
  users: 'AggregateFunction(uniqCombined64(17), UInt64)',
} as const satisfies Columns;

/** One row an accepted event, as judged: what settlement and audits read. `viewer` 0 = nobody known. */
export const RAW_COLUMNS = {
  ...PROVENANCE,
  commit_row: 'UInt64',
  event_index: 'UInt32',
  event_time: "DateTime64(3, 'UTC')",
  received_at: "DateTime64(3, 'UTC')",
  received_second: "DateTime('UTC')",
  claimed_time: "DateTime64(3, 'UTC')",
  event_id: 'String',
  ...OUTCOME,
  reasons: 'Array(LowCardinality(String))',
  late: 'UInt8',
  viewable: 'UInt8',
  billable: 'UInt8',
  cost_nanos: 'Int64',
  ...DIMENSIONS,
  viewer: 'UInt64',
  impression_id: 'String',
  click_id: 'String',
  referrer: 'String',
  user_agent: 'String',
  ip_prefix: 'String',
  bid_request_id: 'String',
  value_micros: 'Int64',
  currency: 'LowCardinality(String)',
  pop: 'LowCardinality(String)',
  source: 'LowCardinality(String)',
  flags: 'UInt16',
  click_window_ms: 'UInt64',
  idempotency_window_ms: 'UInt64',
  attribution_window_ms: 'UInt64',
} as const satisfies Columns;

/** Corrections: clicks that became billable when their impression came after them. */
export const ATTRIBUTION_COLUMNS = {
  ...PROVENANCE,
  commit_row: 'UInt64',
  click_id: 'String',
  click_time: "DateTime64(3, 'UTC')",
  cost_nanos: 'Int64',
  ...DIMENSIONS,
} as const satisfies Columns;

/** The conservation ledger: how many events each stage saw in each received second, by term. */
export const LEDGER_COLUMNS = {
  ...PROVENANCE,
  stage: 'LowCardinality(String)',
  region: 'LowCardinality(String)',
  received_second: "DateTime('UTC')",
  term: 'LowCardinality(String)',
  count: 'Int64',
} as const satisfies Columns;

/** The sink's memory: frames that are in the store. Written last in a range, in one block; a range is done when its frames are here. */
export const SINK_FRAME_COLUMNS = {
  log: 'LowCardinality(String)',
  topic: 'LowCardinality(String)',
  ...PROVENANCE,
  digest: 'String',
  rows: 'UInt64',
} as const satisfies Columns;

/** The tables that the sink writes; everything else follows from them. */
export function landingTables(retention: Retention) {
  return {
    deltas: landing('deltas', DELTA_COLUMNS, retention.deltasDays, ['advertiser_id', 'campaign_id', 'second'], ['ad_id', 'publisher_id']),
    rawEvents: {
      ...landing('raw_events', RAW_COLUMNS, retention.rawDays, ['advertiser_id', 'campaign_id', 'ad_id', 'event_time'], ['event_id']),
      indices: ['by_received received_second TYPE minmax GRANULARITY 1', 'by_viewer viewer TYPE bloom_filter(0.01) GRANULARITY 4'],
      projections: [
        // what conservation asks, a few rows a second instead of every event
        'by_outcome (SELECT source, region, received_second, kind, disposition, reason, count() GROUP BY source, region, received_second, kind, disposition, reason)',
      ],
    },
    attributions: landing('attributions', ATTRIBUTION_COLUMNS, retention.rawDays, ['advertiser_id', 'campaign_id', 'click_time'], ['click_id']),
    ledger: landing('ledger', LEDGER_COLUMNS, retention.rawDays, ['received_second'], ['region', 'stage', 'term']),
    sinkFrames: landing('sink_frames', SINK_FRAME_COLUMNS, retention.rawDays, ['log', 'topic', 'log_partition', 'shard', 'epoch', 'seq'], []),
  };
}

function landing<C extends Columns>(name: string, columns: C, days: number, primaryKey: string[], rest: string[]): Table<C> {
  return {
    name,
    columns,
    engine: 'MergeTree',
    partitionBy: BY_STORED_DAY,
    primaryKey,
    orderBy: [...primaryKey, ...rest],
    expiresAt: `toDateTime(stored_at, 'UTC') + INTERVAL ${days} DAY`,
    indices: [],
    projections: [],
  };
}
