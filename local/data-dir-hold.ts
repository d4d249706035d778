import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { TrackingError } from '../core/errors.ts';

/** A data folder that is this process's alone until it lets go, or ends, however it ends. */
export type DataDirHold = { release(): void };

/**
 * Takes `dataDir` for one network. A second one would end the workerd of the first as a leftover, write its own ports over the configuration,
 * and judge the same objects beside it: events would count twice. The lock is SQLite's, so that no crash leaves one behind.
 * Waits `patienceMs` for a predecessor that is letting go. Throws `bad_configuration` when it does not.
 */
export function holdDataDir(dataDir: string, patienceMs: number): DataDirHold {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const lock = new Database(join(dataDir, 'network.lock'), { timeout: patienceMs });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    lock.close();
    if (!(cause instanceof Database.SqliteError) || !cause.code.startsWith('SQLITE_BUSY')) throw cause;
    throw new TrackingError('bad_configuration', `${dataDir} belongs to a network that is running: stop it, or choose another --data-dir`, { cause });
  }
  return { release: () => lock.close() };
}
