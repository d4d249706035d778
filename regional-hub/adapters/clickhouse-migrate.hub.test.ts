import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Deployment } from '../../schemas/clickhouse/ddl.ts';
import { groundwork, migrations } from '../../schemas/clickhouse/migrations.ts';
import { migrate } from './clickhouse-migrate.ts';
import { openStore, type ClickHouseStore } from './clickhouse-store.ts';
import { requireTokenMemory } from './clickhouse-token-memory.ts';

const dir = mkdtempSync(join(tmpdir(), 'edgetally-migrate-'));
let store: ClickHouseStore;

beforeAll(() => {
  store = openStore({ kind: 'embedded', dataDir: dir });
});

afterAll(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
}, 60_000);

const tables = async (): Promise<string[]> => {
  const result = await store.client.query({ query: "SELECT name FROM system.tables WHERE database = 'edgetally' ORDER BY name", format: 'JSONCompactEachRow' });
  return (await result.json<[string]>()).flat() as unknown as string[];
};

describe('migrations', () => {
  it('end with the same schema when four hubs start at once, and do nothing the next time', async () => {
    await Promise.all([1, 2, 3, 4].map((hub) => migrate(store, 1_800_000_000_000 + hub)));
    expect(await tables()).toEqual([
      'attributions', 'deltas', 'feed_rollup_1d', 'feed_rollup_1h', 'feed_rollup_1m', 'ledger', 'overdue_ranges', 'raw_events',
      'rollup_1d', 'rollup_1h', 'rollup_1m', 'schema_migrations', 'sink_frames',
    ]);
    expect(await migrate(store, 1_800_000_000_009)).toEqual([]);
  });

  it('bring a store of the version before up to this one, and leave what it has', async () => {
    const older: ClickHouseStore = { ...store, deployment: { mode: 'local', database: 'older' } };
    const [first] = migrations(older.deployment);
    for (const statement of [...groundwork(older.deployment), ...first!.statements]) await store.client.command({ query: statement });
    await store.client.command({ query: "INSERT INTO older.schema_migrations VALUES (1, 'tables and rollups', 0)" });
    await store.client.command({ query: "INSERT INTO older.sink_frames (shard, stored_at) VALUES ('kept', now())" });
    expect(await migrate(older, 1_800_000_000_000)).toEqual([2]);
    const kept = await store.client.query({ query: 'SELECT (SELECT count() FROM older.sink_frames), (SELECT count() FROM older.overdue_ranges)', format: 'JSONCompactEachRow' });
    expect(await kept.json()).toEqual([['1', '0']]);
    await store.client.command({ query: 'DROP DATABASE older SYNC' });
  });

  it('make tables that remember enough tokens; a table that was altered to remember fewer is refused, by name', async () => {
    await requireTokenMemory(store);
    await store.client.command({ query: 'ALTER TABLE edgetally.rollup_1h MODIFY SETTING non_replicated_deduplication_window = 100' });
    await expect(requireTokenMemory(store)).rejects.toMatchObject({ code: 'bad_configuration', message: expect.stringMatching(/rollup_1h .*at least 20000, it has 100/) });
    await store.client.command({ query: 'ALTER TABLE edgetally.rollup_1h MODIFY SETTING non_replicated_deduplication_window = 20000' });
    await requireTokenMemory(store);
  });

  it('refuse a store that newer code has migrated', async () => {
    await store.client.command({ query: "INSERT INTO edgetally.schema_migrations VALUES (99, 'from the future', 0)" });
    await expect(migrate(store, 0)).rejects.toMatchObject({ code: 'bad_configuration' });
  });

  it('render for a cluster into statements that the engine can parse', async () => {
    const cluster: Deployment = { mode: 'cluster', database: 'edgetally', cluster: 'main' };
    for (const statement of [...groundwork(cluster), ...migrations(cluster).flatMap((migration) => migration.statements)]) {
      await store.client.command({ query: `EXPLAIN AST ${statement}` });
    }
  });
});
