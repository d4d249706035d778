import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { TrackingError } from '../../core/errors.ts';

/** An open file with its single writer. */
export type LogDatabase = {
  readonly sqlite: Database.Database;
  readonly writer: GroupWriter;
  /** Commits what is queued and lets go of the file. */
  close(): Promise<void>;
};

/**
 * Group commit: every piece of work queued in one turn of the event loop shares one transaction and its fsync.
 * Work runs in the order of the calls; a promise resolves when the work is durable. One that throws fails its whole group.
 */
export type GroupWriter = { write<Result>(work: () => Result): Promise<Result> };

const MIGRATIONS = [
  `CREATE TABLE records (
     topic TEXT NOT NULL, partition INTEGER NOT NULL, "offset" INTEGER NOT NULL,
     key TEXT NOT NULL, appended_at_ms INTEGER NOT NULL, value BLOB NOT NULL,
     PRIMARY KEY (topic, partition, "offset")
   ) STRICT;
   CREATE INDEX records_by_age ON records (appended_at_ms);
   CREATE TABLE positions (
     topic TEXT NOT NULL, partition INTEGER NOT NULL, finished_offset INTEGER NOT NULL,
     claim_min INTEGER, claim_max INTEGER, claimed_at_ms INTEGER,
     PRIMARY KEY (topic, partition)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE frame_positions (
     shard TEXT NOT NULL PRIMARY KEY, epoch INTEGER NOT NULL, last_seq INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE frame_digests (
     shard TEXT NOT NULL, seq INTEGER NOT NULL, digest BLOB NOT NULL,
     PRIMARY KEY (shard, seq)
   ) STRICT, WITHOUT ROWID;`,
];

/**
 * Opens (or creates) the file for this process alone. Throws `bad_configuration` when another process has it:
 * two writers would give one offset to two records.
 */
export function openLogDatabase(path: string): LogDatabase {
  mkdirSync(dirname(path), { recursive: true });
  const sqlite = new Database(path, { timeout: 0 });
  try {
    sqlite.pragma('locking_mode = EXCLUSIVE');
    sqlite.pragma('journal_mode = WAL');
    sqlite.pragma('synchronous = FULL');
    createLogTables(sqlite);
  } catch (cause) {
    sqlite.close();
    if (isBusy(cause)) throw new TrackingError('bad_configuration', `${path} belongs to another running process`, { cause });
    throw new TrackingError('storage_failed', `cannot open ${path}`, { cause });
  }
  const writer = new TurnWriter(sqlite);
  return { sqlite, writer, close: () => writer.close() };
}

/** Brings a database's tables up to date; safe to repeat. */
export function createLogTables(sqlite: Database.Database): void {
  sqlite
    .transaction(() => {
      const done = Number(sqlite.pragma('user_version', { simple: true }));
      for (const sql of MIGRATIONS.slice(done)) sqlite.exec(sql);
      sqlite.pragma(`user_version = ${MIGRATIONS.length}`);
    })
    .exclusive();
}

function isBusy(cause: unknown): boolean {
  return cause instanceof Database.SqliteError && (cause.code.startsWith('SQLITE_BUSY') || cause.code.startsWith('SQLITE_LOCKED'));
}

type Job = { run(): void; done(): void; fail(cause: unknown): void };

class TurnWriter implements GroupWriter {
  readonly #sqlite: Database.Database;
  #jobs: Job[] = [];
  #closed = false;

  constructor(sqlite: Database.Database) {
    this.#sqlite = sqlite;
  }

  write<Result>(work: () => Result): Promise<Result> {
    if (this.#closed) return Promise.reject(new TrackingError('unavailable', 'the log is closed'));
    return new Promise((resolve, reject) => {
      let result: Result;
      const job: Job = {
        run: () => void (result = work()),
        done: () => resolve(result),
        fail: (cause) => reject(new TrackingError('storage_failed', 'the log could not be written', { cause })),
      };
      if (this.#jobs.push(job) === 1) setImmediate(() => this.#commit());
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#commit();
    this.#sqlite.close();
  }

  #commit(): void {
    const jobs = this.#jobs;
    if (jobs.length === 0) return;
    this.#jobs = [];
    try {
      this.#sqlite.transaction(() => jobs.forEach((job) => job.run())).immediate();
    } catch (cause) {
      jobs.forEach((job) => job.fail(cause));
      return;
    }
    jobs.forEach((job) => job.done());
  }
}
