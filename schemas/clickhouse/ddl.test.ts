import { describe, expect, it } from 'vitest';
import type { Deployment } from './ddl.ts';
import { groundwork, migrations, SCHEMA_VERSION } from './migrations.ts';

const local: Deployment = { mode: 'local', database: 'edgetally' };
const cluster: Deployment = { mode: 'cluster', database: 'edgetally', cluster: 'main' };
const statements = (deployment: Deployment): string[] => [...groundwork(deployment), ...migrations(deployment).flatMap((migration) => migration.statements)];

describe('the schema', () => {
  it('is numbered without gaps up to the version that the code claims', () => {
    expect(migrations(local).map((migration) => migration.version)).toEqual(Array.from({ length: SCHEMA_VERSION }, (_, i) => i + 1));
  });

  it('can be applied twice, statement by statement', () => {
    for (const statement of [...statements(local), ...statements(cluster)]) expect(statement).toMatch(/IF (NOT )?EXISTS/);
  });

  it('remembers tokens in every table that a range or its views write', () => {
    const tables = statements(local).filter((statement) => statement.includes('MergeTree'));
    expect(tables).toHaveLength(10);
    for (const table of tables) expect(table).toMatch(/non_replicated_deduplication_window = \d{5}/);
  });

  it('has no default that two replicas could fill differently', () => {
    for (const statement of statements(cluster)) expect(statement).not.toMatch(/\b(DEFAULT|now64?|rand|generateUUID\w+)\b(?!\(\)\))/);
  });

  it('keeps the names of queries on a cluster: local tables are replicated, the plain name spreads over them', () => {
    const all = statements(cluster).join('\n');
    expect(all).toMatch(/edgetally\.deltas_local ON CLUSTER 'main'[\s\S]*?ReplicatedMergeTree\('\/clickhouse\/tables\/\{shard\}\/edgetally\/\{table\}', '\{replica\}'\)/);
    expect(all).toMatch(/edgetally\.deltas ON CLUSTER 'main' AS edgetally\.deltas_local\s+ENGINE = Distributed\('main', 'edgetally', 'deltas_local', log_partition\)/);
    expect(all).toMatch(/feed_rollup_1m ON CLUSTER 'main' TO edgetally\.rollup_1m_local AS SELECT[\s\S]*FROM edgetally\.deltas_local/);
  });
});
