import type { Retention } from './landing-tables.ts';
import type { Columns, Table } from './table.ts';

/** Ranges of deltas that were stored long after their claim; `landed_at` is when that was noticed, at the latest attempt. */
const OVERDUE_COLUMNS = {
  log: 'LowCardinality(String)',
  log_partition: 'UInt32',
  stored_at: "DateTime64(3, 'UTC')",
  landed_at: "DateTime64(3, 'UTC')",
} as const satisfies Columns;

/** Whoever follows changes by `stored_at` looks here how far back it must look. Nearly always empty. */
export function overdueTable({ deltasDays }: Retention): Table<typeof OVERDUE_COLUMNS> {
  return {
    name: 'overdue_ranges',
    columns: OVERDUE_COLUMNS,
    engine: 'MergeTree',
    partitionBy: 'toYYYYMMDD(landed_at)',
    primaryKey: ['landed_at'],
    orderBy: ['landed_at'],
    expiresAt: `toDateTime(landed_at, 'UTC') + INTERVAL ${deltasDays} DAY`,
    indices: [],
    projections: [],
  };
}
