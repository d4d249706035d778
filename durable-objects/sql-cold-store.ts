import type { ColdPage, ColdStore } from '../core/memory/cold-store.ts';
import { asBytes } from './sql-port.ts';
import type { SqlPort } from './sql-port.ts';

/** The cold tier of a shard's memory in the shard's own SQLite. Its writes join the caller's transaction. */
export class SqlColdStore implements ColdStore {
  readonly #sql: SqlPort;

  constructor(sql: SqlPort) {
    this.#sql = sql;
  }

  writePages(generation: number, pages: readonly ColdPage[]): void {
    for (const { table, bucket, bytes } of pages) {
      this.#sql.exec('INSERT INTO pages (generation, memory_table, bucket, bytes) VALUES (?, ?, ?, ?)', generation, table, bucket, bytes);
    }
  }

  readPage(generation: number, table: number, bucket: number): Uint8Array | undefined {
    const [page] = this.#sql.exec<{ bytes: ArrayBuffer | Uint8Array }>(
      'SELECT bytes FROM pages WHERE generation = ? AND memory_table = ? AND bucket = ?',
      generation,
      table,
      bucket,
    );
    return page === undefined ? undefined : asBytes(page.bytes);
  }

  generations(): number[] {
    return this.#sql
      .exec<{ generation: number }>('SELECT DISTINCT generation FROM pages ORDER BY generation')
      .map((row) => row.generation);
  }

  deleteGeneration(generation: number): void {
    this.#sql.exec('DELETE FROM pages WHERE generation = ?', generation);
  }
}
