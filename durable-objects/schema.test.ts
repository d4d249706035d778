import { DatabaseSync } from 'node:sqlite';
import { getTableConfig } from 'drizzle-orm/sqlite-core';
import { expect, test } from 'vitest';
import { SHARD_MIGRATIONS, SPILL_MIGRATIONS, migrate } from './migrations.ts';
import { nodeSql } from './node-sql.ts';
import * as schema from './schema.ts';

const storages = [
  { name: 'a shard', migrations: SHARD_MIGRATIONS, tables: [schema.log, schema.sealed, schema.pages, schema.meta, schema.spillMarks] },
  { name: 'a spill queue', migrations: SPILL_MIGRATIONS, tables: [schema.spilled, schema.meta] },
];

test.each(storages)('the migrations of $name build exactly the tables that the schema names', ({ migrations, tables }) => {
  const sql = nodeSql(new DatabaseSync(':memory:'));
  migrate(sql, migrations);
  const built = sql.exec<{ name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").map((row) => row.name);
  expect(built).toEqual(['migrations', ...tables.map((table) => getTableConfig(table).name)].sort());
  for (const table of tables) {
    const { name, columns, primaryKeys } = getTableConfig(table);
    const declared = columns.map((column) => [column.name, column.getSQLType().toUpperCase()]);
    const info = sql.exec<{ name: string; type: string; pk: number }>(`PRAGMA table_info(${name})`);
    expect(info.map((column) => [column.name, column.type])).toEqual(declared);
    const key = primaryKeys[0]?.columns ?? columns.filter((column) => column.primary);
    expect(info.filter((column) => column.pk > 0).map((column) => column.name)).toEqual(key.map((column) => column.name));
  }
});

test('migrating twice changes nothing, and a storage newer than the code is refused', () => {
  const sql = nodeSql(new DatabaseSync(':memory:'));
  migrate(sql, SHARD_MIGRATIONS);
  migrate(sql, SHARD_MIGRATIONS);
  expect(sql.exec('SELECT version FROM migrations')).toEqual(SHARD_MIGRATIONS.map(({ version }) => ({ version })));
  expect(() => migrate(sql, SHARD_MIGRATIONS.slice(0, -1))).toThrow('storage is at version');
});
