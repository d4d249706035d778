import type { ClickHouseClient } from '@clickhouse/client';
import { TrackingError } from '../../core/errors.ts';
import type { EpochMs } from '../../core/time.ts';
import { MIGRATIONS_TABLE, SCHEMA_VERSION, groundwork, migrations, type Migration } from '../../schemas/clickhouse/migrations.ts';
import type { Retention } from '../../schemas/clickhouse/landing-tables.ts';
import type { ClickHouseStore } from './clickhouse-store.ts';

/**
 * Brings the store up to this code's schema and says which versions it applied. Several hubs may do so at once: each statement can run
 * twice and beside itself, and a version may be recorded twice. A store that is newer than this code is refused.
 */
export async function migrate(store: ClickHouseStore, nowMs: EpochMs, retention?: Retention): Promise<number[]> {
  for (const statement of groundwork(store.deployment)) await store.client.command({ query: statement });
  const applied = await appliedVersions(store);
  const newest = Math.max(0, ...applied);
  if (newest > SCHEMA_VERSION) {
    throw new TrackingError('bad_configuration', `the store has schema ${newest}, this code knows ${SCHEMA_VERSION}: start a newer one`);
  }
  const missing = migrations(store.deployment, retention).filter((migration) => !applied.has(migration.version));
  for (const migration of missing) await apply(store, migration, nowMs);
  return missing.map((migration) => migration.version);
}

async function apply(store: ClickHouseStore, migration: Migration, nowMs: EpochMs): Promise<void> {
  for (const statement of migration.statements) await runTwiceAtMost(store.client, statement);
  await store.client.command({
    query: `INSERT INTO ${store.deployment.database}.${MIGRATIONS_TABLE.name} SETTINGS insert_deduplicate = 0 VALUES ({version:UInt32}, {name:String}, fromUnixTimestamp64Milli({nowMs:Int64}, 'UTC'))`,
    query_params: { version: migration.version, name: migration.name, nowMs },
  });
}

// Two hubs that create one table at the same moment: the engine may refuse one of them, and then it is there.
async function runTwiceAtMost(client: ClickHouseClient, statement: string): Promise<void> {
  try {
    await client.command({ query: statement });
  } catch {
    await client.command({ query: statement });
  }
}

async function appliedVersions(store: ClickHouseStore): Promise<Set<number>> {
  const result = await store.client.query({
    query: `SELECT DISTINCT version FROM ${store.deployment.database}.${MIGRATIONS_TABLE.name}`,
    format: 'JSONEachRow',
  });
  const rows = await result.json<{ version: number }>();
  return new Set(rows.map((row) => row.version));
}
