import { closeSync, openSync } from 'node:fs';
import Database from 'better-sqlite3';
import { drizzle, type BetterSQLite3Database } from 'drizzle-orm/better-sqlite3';
import { TrackingError } from '../../core/errors.ts';
import { CONTROL_MIGRATIONS, type Migration } from './migrations.ts';

/** What a busy neighbour may cost us: another hub over the same file holds its write lock for a few ms. */
const BUSY_TIMEOUT_MS = 5_000;

export type ControlDatabase = BetterSQLite3Database & { readonly close: () => void };

/**
 * Opens (and brings up to date) the control plane's SQLite file; `:memory:` for tests. Several hubs may share one file:
 * migrations run under its write lock, so that two that start at once do each step once.
 * Throws `TrackingError` code `bad_configuration` when the file is newer than this program.
 */
export function openControlDatabase(path: string): ControlDatabase {
  // It holds the secrets that senders sign bodies with: its owner's alone, and SQLite gives the files beside it the same mode.
  if (path !== ':memory:') closeSync(openSync(path, 'a', 0o600));
  const sqlite = new Database(path);
  sqlite.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
  sqlite.pragma('journal_mode = WAL');
  sqlite.pragma('synchronous = FULL');
  sqlite.transaction(() => migrate(sqlite, CONTROL_MIGRATIONS)).immediate();
  return Object.assign(drizzle(sqlite), { close: () => void sqlite.close() });
}

function migrate(sqlite: Database.Database, migrations: readonly Migration[]): void {
  const done = Number(sqlite.pragma('user_version', { simple: true }));
  if (done > migrations.length) {
    throw new TrackingError('bad_configuration', `the control database is at version ${done}; this program knows ${migrations.length}`);
  }
  for (const migration of migrations.slice(done)) sqlite.exec(migration.sql);
  sqlite.pragma(`user_version = ${migrations.length}`);
}
