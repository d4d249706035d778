import { assert } from '../core/errors.ts';
import type { SqlPort } from './sql-port.ts';

/** Statements that take a storage from one version to the next. Never edit one that has been deployed: append. */
export type Migration = { readonly version: number; readonly statements: readonly string[] };

/** Brings the storage up to date; safe to repeat. Call it before anything else and without an `await`, so that it is one transaction. */
export function migrate(sql: SqlPort, migrations: readonly Migration[]): void {
  sql.exec('CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY) STRICT');
  const [newest] = sql.exec<{ version: number | null }>('SELECT max(version) AS version FROM migrations');
  const current = newest?.version ?? 0;
  assert(current <= migrations.length, `storage is at version ${current}, this code knows ${migrations.length}`);
  for (const { version, statements } of migrations.slice(current)) {
    for (const statement of statements) sql.exec(statement);
    sql.exec('INSERT INTO migrations (version) VALUES (?)', version);
  }
}

const META = 'CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID';

export const SHARD_MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    statements: [
      `CREATE TABLE log (place INTEGER PRIMARY KEY, events INTEGER NOT NULL, committed_at_ms INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT`,
      `CREATE TABLE sealed (seq INTEGER NOT NULL, part INTEGER NOT NULL, first_row INTEGER NOT NULL, last_row INTEGER NOT NULL,
         events INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (seq, part)) STRICT, WITHOUT ROWID`,
      `CREATE TABLE pages (generation INTEGER NOT NULL, memory_table INTEGER NOT NULL, bucket INTEGER NOT NULL, bytes BLOB NOT NULL,
         PRIMARY KEY (generation, memory_table, bucket)) STRICT, WITHOUT ROWID`,
      META,
      'CREATE TABLE spill_marks (queue TEXT PRIMARY KEY, last_seq INTEGER NOT NULL) STRICT, WITHOUT ROWID',
    ],
  },
  { version: 2, statements: ["ALTER TABLE log ADD COLUMN batch_id TEXT NOT NULL DEFAULT ''"] },
];

export const SPILL_MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    statements: [
      `CREATE TABLE spilled (shard TEXT NOT NULL, seq INTEGER NOT NULL, events INTEGER NOT NULL, held_at_ms INTEGER NOT NULL,
         refused TEXT NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (shard, seq)) STRICT, WITHOUT ROWID`,
      META,
    ],
  },
  { version: 2, statements: ["ALTER TABLE spilled ADD COLUMN batch_id TEXT NOT NULL DEFAULT ''"] },
];
