import { DatabaseSync } from 'node:sqlite';
import { getTableConfig } from 'drizzle-orm/sqlite-core';
import { expect, test } from 'vitest';
import { SHARD_MIGRATIONS, SPILL_MIGRATIONS, migrate } from './migrations.ts';
import { nodeSql } from './node-sql.ts';
import * as schema from './schema.ts';
import { ShardStorage } from './shard-storage.ts';
import { SqlColdStore } from './sql-cold-store.ts';

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

test('frames and pages that lay under an index are found under their rowids', () => {
  const sql = nodeSql(new DatabaseSync(':memory:'));
  migrate(sql, SHARD_MIGRATIONS.slice(0, 2));
  const bytes = (...values: number[]) => Uint8Array.from(values);
  for (const [seq, part] of [[7, 0], [7, 1], [8, 0]] as const) sql.exec('INSERT INTO sealed (seq, part, first_row, last_row, events, bytes) VALUES (?, ?, ?, ?, ?, ?)', seq, part, seq * 10, seq * 10 + 9, 5, bytes(seq, part));
  for (const [generation, table, bucket] of [[1, 0, 3], [1, 31, 0], [4, 2, 65_536]] as const) sql.exec('INSERT INTO pages (generation, memory_table, bucket, bytes) VALUES (?, ?, ?, ?)', generation, table, bucket, bytes(generation, table));
  sql.exec("INSERT INTO meta (key, value) VALUES ('epoch', '1'), ('sealedSeq', '8'), ('ackedSeq', '6'), ('sealedRow', '89')");
  const storage = new ShardStorage(sql, 2);
  expect(storage.outbox().sealed).toEqual([{ seq: 7, firstRow: 70, lastRow: 79, events: 5, bytes: 4 }, { seq: 8, firstRow: 80, lastRow: 89, events: 5, bytes: 2 }]);
  expect([storage.frameBytes(7), storage.frameBytes(8)]).toEqual([bytes(7, 0, 7, 1), bytes(8, 0)]);
  const pages = new SqlColdStore(sql);
  expect(pages.generations()).toEqual([1, 4]);
  expect([pages.readPage(1, 0, 3), pages.readPage(1, 31, 0), pages.readPage(4, 2, 65_536), pages.readPage(4, 2, 0)]).toEqual([bytes(1, 0), bytes(1, 31), bytes(4, 2), undefined]);
  pages.deleteGeneration(1);
  expect(pages.generations()).toEqual([4]);
});

test('a log that lay under an index, before its key was one number, keeps its commits', () => {
  for (const hasBatchIds of [false, true]) {
    const sql = nodeSql(new DatabaseSync(':memory:'));
    migrate(sql, SHARD_MIGRATIONS.slice(0, 1));
    sql.exec('DROP TABLE log');
    sql.exec('CREATE TABLE log (row INTEGER NOT NULL, part INTEGER NOT NULL, events INTEGER NOT NULL, committed_at_ms INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (row, part)) STRICT, WITHOUT ROWID');
    if (hasBatchIds) migrate(sql, SHARD_MIGRATIONS.slice(0, 2));
    for (const [row, part] of [[3, 0], [3, 1], [4, 0]] as const) sql.exec('INSERT INTO log (row, part, events, committed_at_ms, bytes) VALUES (?, ?, ?, ?, ?)', row, part, 2, 1_000 + row, Uint8Array.of(row, part));
    const storage = new ShardStorage(sql, 2);
    expect(storage.lastRow()).toBe(4);
    expect([...storage.commits({ afterRow: 0, lastRow: 9 })]).toEqual([
      { row: 3, events: 2, committedAtMs: 1_003, batchId: '', bytes: Uint8Array.of(3, 0, 3, 1) },
      { row: 4, events: 2, committedAtMs: 1_004, batchId: '', bytes: Uint8Array.of(4, 0) },
    ]);
  }
});
