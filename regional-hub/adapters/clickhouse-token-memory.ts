import { TrackingError } from '../../core/errors.ts';
import { DEDUP_WINDOW_BLOCKS, DEDUP_WINDOW_SECONDS } from '../../schemas/clickhouse/ddl.ts';
import { MIGRATIONS_TABLE } from '../../schemas/clickhouse/migrations.ts';
import type { ClickHouseStore } from './clickhouse-store.ts';

type EngineRow = { readonly name: string; readonly engine: string; readonly engine_full: string };

/**
 * Exactly once rests on the store remembering the tokens of late inserts. Refuses (`bad_configuration`) a store in which a table of ours, made by hand or altered since,
 * remembers fewer than `DEDUP_WINDOW_BLOCKS`, or for a shorter time than `DEDUP_WINDOW_SECONDS`.
 */
export async function requireTokenMemory({ client, deployment }: ClickHouseStore): Promise<void> {
  const result = await client.query({
    query: "SELECT name, engine, engine_full FROM system.tables WHERE database = {database:String} AND engine LIKE '%MergeTree' AND name NOT LIKE {except:String}",
    query_params: { database: deployment.database, except: `${MIGRATIONS_TABLE.name}%` },
    format: 'JSONEachRow',
  });
  for (const table of await result.json<EngineRow>()) {
    const isReplicated = table.engine.startsWith('Replicated');
    requireSetting(table, isReplicated ? 'replicated_deduplication_window' : 'non_replicated_deduplication_window', DEDUP_WINDOW_BLOCKS);
    if (isReplicated) requireSetting(table, 'replicated_deduplication_window_seconds', DEDUP_WINDOW_SECONDS);
  }
}

function requireSetting(table: EngineRow, setting: string, least: number): void {
  const value = Number(new RegExp(`[ ,]${setting} = (\\d+)`).exec(table.engine_full)?.[1] ?? 0);
  if (value >= least) return;
  const message = `table ${table.name} must have ${setting} of at least ${least}, it has ${value || 'the default'}: ALTER TABLE … MODIFY SETTING ${setting} = ${least}`;
  throw new TrackingError('bad_configuration', message);
}
