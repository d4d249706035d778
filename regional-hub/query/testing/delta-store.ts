import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate } from '../../adapters/clickhouse-migrate.ts';
import { ClickHouseQueryEngine } from '../../adapters/clickhouse-query-engine.ts';
import { openStore } from '../../adapters/clickhouse-store.ts';
import { readWatermarkMs } from '../watermark.ts';
import type { QueryDeps } from '../query-service.ts';
import { DEFAULT_MIN_CELL_USERS } from '../suppression.ts';

/** A row of `deltas` as tests write it down; what is left out is '' or 0. */
export type TestDelta = {
  readonly second: number;
  readonly advertiser_id: string;
  readonly campaign_id: string;
  readonly ad_id: string;
  readonly publisher_id: string;
  readonly country?: string;
  readonly device_type?: string;
  readonly region?: string;
  readonly kind: string;
  readonly disposition: string;
  readonly reason?: string;
  readonly count: number;
  readonly billable?: number;
  readonly viewable?: number;
  readonly late?: number;
  readonly cost_nanos?: number;
  readonly viewers?: readonly number[];
  readonly stored_at_ms?: number;
};

/** The engine lets rows go some weeks after they were stored, by its own clock. */
export const STORED_AT_MS = Math.floor(Date.now() / 1_000) * 1_000;
const COLUMNS = ['second', 'advertiser_id', 'campaign_id', 'ad_id', 'publisher_id', 'country', 'device_type', 'region', 'kind', 'disposition', 'reason', 'count', 'billable', 'viewable', 'late', 'cost_nanos'] as const;

/** A real engine in a folder of its own, with the real schema; `insert` writes deltas, whose rollups the views make. */
export async function openDeltaStore(nowMs: number) {
  const dataDir = mkdtempSync(join(tmpdir(), 'query-'));
  const store = openStore({ kind: 'embedded', dataDir });
  await migrate(store, nowMs);
  const engine = new ClickHouseQueryEngine(store.client);
  const deps: QueryDeps = { engine, clock: { nowMs: () => nowMs }, watermarkMs: () => readWatermarkMs(engine), minCellUsers: DEFAULT_MIN_CELL_USERS };
  return {
    deps,
    store,
    insert: async (rows: readonly TestDelta[]) => {
      if (rows.length === 0) return;
      const values = rows.map((row) => `(${valuesOf(row)})`).join(',');
      const structure = [...COLUMNS.map((column) => `${column} ${NUMBERS.has(column) ? 'Int64' : 'String'}`), 'stored_at_ms Int64', 'viewers Array(UInt64)'].join(', ');
      const users = "arrayReduce('uniqCombined64State(17)', viewers)";
      const target = `edgetally.deltas (${COLUMNS.join(', ')}, stored_at, log_partition, log_offset, shard, epoch, seq, users) SETTINGS insert_deduplicate = 0`;
      const select = `${COLUMNS.join(', ')}, fromUnixTimestamp64Milli(stored_at_ms), 0, 0, 'live.us.e0.0.0', 1, 1, ${users}`;
      await store.client.command({ query: `INSERT INTO ${target} SELECT ${select} FROM values('${structure}', ${values})` });
      await store.client.command({ query: `INSERT INTO edgetally.sink_frames (topic, stored_at) SETTINGS insert_deduplicate = 0 VALUES ('deltas', fromUnixTimestamp64Milli(${rows[0]!.stored_at_ms ?? STORED_AT_MS}))` });
    },
    close: async () => {
      await store.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

function valuesOf(row: TestDelta): string {
  const values = COLUMNS.map((column) => literal(row[column] ?? (NUMBERS.has(column) ? 0 : '')));
  return [...values, row.stored_at_ms ?? STORED_AT_MS, `[${(row.viewers ?? []).join(', ')}]`].join(', ');
}

const NUMBERS: ReadonlySet<string> = new Set(['second', 'count', 'billable', 'viewable', 'late', 'cost_nanos']);

function literal(value: string | number): string {
  return typeof value === 'number' ? String(value) : `'${value.replace(/[\\']/g, '\\$&')}'`;
}
