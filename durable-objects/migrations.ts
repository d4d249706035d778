import { assert } from '../core/errors.ts';
import { FRAME_PARTS, GENERATION_PLACES, LOG_PARTS, TABLE_PLACES } from './places.ts';
import type { SqlPort } from './sql-port.ts';

/** Statements that take a storage from one version to the next. Never edit one that has been deployed: append. */
export type Migration = { readonly version: number; readonly statements: readonly string[]; readonly before?: Stray };

/** Two layouts of a table that bore one version number: where its definition holds `sign`, these statements come first. */
type Stray = { readonly table: string; readonly sign: string; readonly statements: readonly string[] };

/** Brings the storage up to date; safe to repeat. Call it before anything else and without an `await`, so that it is one transaction. */
export function migrate(sql: SqlPort, migrations: readonly Migration[]): void {
  sql.exec('CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY) STRICT');
  const [newest] = sql.exec<{ version: number | null }>('SELECT max(version) AS version FROM migrations');
  const current = newest?.version ?? 0;
  assert(current <= migrations.length, `storage is at version ${current}, this code knows ${migrations.length}`);
  for (const { version, statements, before } of migrations.slice(current)) {
    if (before !== undefined && hasSign(sql, before)) for (const statement of before.statements) sql.exec(statement);
    for (const statement of statements) sql.exec(statement);
    sql.exec('INSERT INTO migrations (version) VALUES (?)', version);
  }
}

function hasSign(sql: SqlPort, { table, sign }: Stray): boolean {
  const [found] = sql.exec<{ sql: string }>('SELECT sql FROM sqlite_master WHERE name = ?', table);
  return found?.sql.includes(sign) ?? false;
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
  {
    // A step through the index of a table WITHOUT ROWID reads each row that it compares to its end, blob and all.
    version: 3,
    before: {
      table: 'log',
      sign: 'PRIMARY KEY (row, part)',
      statements: [
        'ALTER TABLE log RENAME TO log_by_index',
        `CREATE TABLE log (place INTEGER PRIMARY KEY, events INTEGER NOT NULL, committed_at_ms INTEGER NOT NULL, bytes BLOB NOT NULL, batch_id TEXT NOT NULL DEFAULT '') STRICT`,
        `INSERT INTO log SELECT row * ${LOG_PARTS} + part, events, committed_at_ms, bytes, batch_id FROM log_by_index`,
        'DROP TABLE log_by_index',
      ],
    },
    statements: [
      'ALTER TABLE sealed RENAME TO sealed_by_index',
      `CREATE TABLE sealed (place INTEGER PRIMARY KEY, first_row INTEGER NOT NULL, last_row INTEGER NOT NULL, events INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT`,
      `INSERT INTO sealed SELECT seq * ${FRAME_PARTS} + part, first_row, last_row, events, bytes FROM sealed_by_index`,
      'DROP TABLE sealed_by_index',
      'ALTER TABLE pages RENAME TO pages_by_index',
      'CREATE TABLE pages (place INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT',
      `INSERT INTO pages SELECT generation * ${GENERATION_PLACES} + memory_table * ${TABLE_PLACES} + bucket, bytes FROM pages_by_index`,
      'DROP TABLE pages_by_index',
    ],
  },
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
