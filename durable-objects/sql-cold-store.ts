import { assert } from '../core/errors.ts';
import type { ColdPage, ColdStore } from '../core/memory/cold-store.ts';
import { GENERATION_PLACES, TABLE_PLACES } from './places.ts';
import { asBytes } from './sql-port.ts';
import type { SqlPort } from './sql-port.ts';

/** The cold tier of a shard's memory in the shard's own SQLite. Its writes join the caller's transaction. */
export class SqlColdStore implements ColdStore {
  readonly #sql: SqlPort;

  constructor(sql: SqlPort) {
    this.#sql = sql;
  }

  writePages(generation: number, pages: readonly ColdPage[]): void {
    for (const { table, bucket, bytes } of pages) this.#sql.exec('INSERT INTO pages (place, bytes) VALUES (?, ?)', placeOf(generation, table, bucket), bytes);
  }

  readPage(generation: number, table: number, bucket: number): Uint8Array | undefined {
    const [page] = this.#sql.exec<{ bytes: ArrayBuffer | Uint8Array }>('SELECT bytes FROM pages WHERE place = ?', placeOf(generation, table, bucket));
    return page === undefined ? undefined : asBytes(page.bytes);
  }

  /** From the first page of each to the first of the next: a look for each generation, not for each page. */
  generations(): number[] {
    const found: number[] = [];
    for (let next = this.#firstFrom(0); next !== null; next = this.#firstFrom(next + 1)) found.push(next);
    return found;
  }

  deleteGeneration(generation: number): void {
    this.#sql.exec('DELETE FROM pages WHERE place >= ? AND place < ?', generation * GENERATION_PLACES, (generation + 1) * GENERATION_PLACES);
  }

  /** The first generation that is stored, from this one on; null when there is none. */
  #firstFrom(generation: number): number | null {
    const [first] = this.#sql.exec<{ place: number | null }>('SELECT min(place) AS place FROM pages WHERE place >= ?', generation * GENERATION_PLACES);
    return first === undefined || first.place === null ? null : Math.floor(first.place / GENERATION_PLACES);
  }
}

function placeOf(generation: number, table: number, bucket: number): number {
  const place = generation * GENERATION_PLACES + table * TABLE_PLACES + bucket;
  assert(bucket < TABLE_PLACES && Number.isSafeInteger(place), 'a page has a place of its own');
  return place;
}
