import type { EpochMs } from '../../core/time.ts';
import type { ClickHouseStore } from './clickhouse-store.ts';

/** The engine may write a part while it is looked at: some seconds are looked at twice. */
const MARGIN_MS = 10_000;

/** Keeps the engine from merging while its disk is nearly full. Inserts are the sink's to hold back. */
export async function restMerges(store: ClickHouseStore): Promise<void> {
  await store.client.command({ query: 'SYSTEM STOP MERGES' });
}

/** Lets it merge again, until the next rest. */
export async function resumeMerges(store: ClickHouseStore): Promise<void> {
  await store.client.command({ query: 'SYSTEM START MERGES' });
}

/**
 * Looks through every part that was written since `sinceMs` and takes up anew each table that has a damaged one: the engine then sets the
 * damaged part aside and reads what it was merged from, which it keeps for eight minutes. Gives the tables. Nothing may be inserted meanwhile.
 */
export async function mendParts(store: ClickHouseStore, sinceMs: EpochMs): Promise<string[]> {
  const { database } = store.deployment;
  const parts = await rows<{ table: string; name: string }>(
    store,
    `SELECT table, name FROM system.parts WHERE database = {database:String} AND active AND modification_time >= fromUnixTimestamp64Milli({sinceMs:Int64})`,
    { database, sinceMs: sinceMs - MARGIN_MS },
  );
  const damaged = new Set<string>();
  for (const { table, name } of parts) if (!damaged.has(table) && !(await isSound(store, table, name))) damaged.add(table);
  for (const table of damaged) {
    await store.client.command({ query: `DETACH TABLE ${database}.${table}` });
    await store.client.command({ query: `ATTACH TABLE ${database}.${table}` });
  }
  return [...damaged];
}

async function isSound(store: ClickHouseStore, table: string, part: string): Promise<boolean> {
  const query = `CHECK TABLE ${store.deployment.database}.${table} PART '${part}' SETTINGS check_query_single_value_result = 0`;
  const results = await rows<{ is_passed: number }>(store, query, {});
  return results.every(({ is_passed: isPassed }) => isPassed === 1);
}

async function rows<Row>(store: ClickHouseStore, query: string, query_params: Record<string, unknown>): Promise<Row[]> {
  const result = await store.client.query({ query, query_params, format: 'JSONEachRow' });
  return result.json<Row>();
}
