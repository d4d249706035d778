import { TrackingError } from '../errors.ts';
import type { Key64 } from '../event.ts';
import type { EpochMs } from '../time.ts';
import { ColdIndex, type Share } from './cold-index.ts';
import type { ColdPage, ColdStore } from './cold-store.ts';
import { KeyFilter } from './key-filter.ts';
import type { RetainedWindows } from './retention.ts';

/** One table's share of a generation; the key's upper half picks its page. */
export type ColdTable = {
  readonly count: number;
  readonly minMs: EpochMs;
  readonly maxMs: EpochMs;
  /** A power of two of them. */
  readonly pages: readonly Uint8Array[];
  readonly filter: KeyFilter;
};

/** What is known of a generation without reading its pages. */
export type Generation = {
  readonly generation: number;
  readonly writtenAtMs: EpochMs;
  readonly windows: RetainedWindows;
  /** By table; undefined where it has nothing of one. */
  readonly tables: readonly (TableSummary | undefined)[];
};

export type TableSummary = { readonly count: number; readonly pages: number; readonly minMs: EpochMs; readonly maxMs: EpochMs };

/** Pages of their own, beside those of the tables (which count from 0). */
const FILTER_TABLE = 30;
const SUMMARY_TABLE = 31;

/** A page is stored in parts of this size: many clicks may claim one impression, and a store's row has a limit (2 MB in a durable object). */
const PART_BYTES = 512 * 1024;
/** Part n of a page lies so many buckets on; a table has fewer pages. */
const PART_STRIDE = 65_536;

/**
 * What a shard has written out: generations, each written once and deleted whole, oldest first. In RAM stay their summaries
 * and, up to `filterBytesMax`, their filters, the newest first; without its filter a page is read, and the answer is the same.
 */
export class ColdTier {
  readonly #store: ColdStore;
  readonly #filterBytesMax: number;
  readonly #generations: Generation[] = [];
  /** By table. */
  readonly #indexes: ColdIndex[] = [];

  constructor(store: ColdStore, filterBytesMax: number) {
    this.#store = store;
    this.#filterBytesMax = filterBytesMax;
    for (const generation of store.generations()) this.#take(this.#open(generation), (table) => this.#readFilter(generation, table));
  }

  /** Ascending: oldest first. */
  get generations(): readonly Generation[] {
    return this.#generations;
  }

  /** Writes one generation; `tables` by table number. */
  write(writtenAtMs: EpochMs, windows: RetainedWindows, tables: readonly (ColdTable | undefined)[]): void {
    const generation = (this.#generations.at(-1)?.generation ?? 0) + 1;
    const summaries = tables.map((table) => table && { count: table.count, pages: table.pages.length, minMs: table.minMs, maxMs: table.maxMs });
    const summary = { writtenAtMs, windows, tables: summaries.map((table) => table ?? null) };
    const pages: ColdPage[] = [{ table: SUMMARY_TABLE, bucket: 0, bytes: new TextEncoder().encode(JSON.stringify(summary)) }];
    for (const [table, content] of tables.entries()) {
      if (content === undefined) continue;
      pages.push({ table: FILTER_TABLE, bucket: table, bytes: content.filter.bytes });
      for (const [bucket, bytes] of content.pages.entries()) pages.push({ table, bucket, bytes });
    }
    this.#store.writePages(generation, pages.flatMap(partsOf));
    this.#take({ generation, writtenAtMs, windows, tables: summaries }, (table) => tables[table]?.filter);
  }

  /** Every page that may hold the key with a time in [fromMs, toMs], newest first. */
  pagesWith(table: number, key: Key64, fromMs: EpochMs, toMs: EpochMs): Iterable<Uint8Array> {
    const shares = this.#indexes[table]?.find(key, fromMs, toMs) ?? [];
    return shares.length === 0 ? NO_PAGES : this.#pagesIn(shares, table, key);
  }

  /** Every page of a table in one generation. */
  *pagesOf(generation: Generation, table: number): Iterable<Uint8Array> {
    const pages = generation.tables[table]?.pages ?? 0;
    for (let bucket = 0; bucket < pages; bucket++) {
      const bytes = this.#read(generation.generation, table, bucket);
      if (bytes !== undefined) yield bytes;
    }
  }

  /** Deletes generations from the oldest on, as long as `isExpired`: what a newer one says of an older must not go first. */
  expire(isExpired: (generation: Generation) => boolean): void {
    while (this.#generations[0] !== undefined && isExpired(this.#generations[0])) {
      const { generation } = this.#generations[0];
      this.#store.deleteGeneration(generation);
      this.#generations.shift();
      for (const index of this.#indexes) index.expire(generation);
    }
  }

  #open(generation: number): Generation {
    const bytes = this.#read(generation, SUMMARY_TABLE, 0);
    if (bytes === undefined) throw new TrackingError('corrupt_bytes', `generation ${generation} has no summary`);
    const summary = JSON.parse(new TextDecoder().decode(bytes)) as Omit<Generation, 'tables'> & { tables: (TableSummary | null)[] };
    return { ...summary, generation, tables: summary.tables.map((table) => table ?? undefined) };
  }

  /** Takes the newest generation in, its filters as far as there is room. */
  #take(generation: Generation, filterOf: (table: number) => KeyFilter | undefined): void {
    this.#generations.push(generation);
    for (const [table, summary] of generation.tables.entries()) {
      const index = (this.#indexes[table] ??= new ColdIndex());
      if (summary !== undefined) index.add({ generation: generation.generation, ...summary }, filterOf(table));
    }
    this.#boundFilters();
  }

  *#pagesIn(shares: readonly Share[], table: number, key: Key64): Iterable<Uint8Array> {
    for (const { generation, pages } of shares) {
      const bytes = this.#read(generation, table, key.hi & (pages - 1));
      if (bytes !== undefined) yield bytes;
    }
  }

  #readFilter(generation: number, table: number): KeyFilter | undefined {
    const bytes = this.#read(generation, FILTER_TABLE, table);
    return bytes && new KeyFilter(bytes);
  }

  /** A whole page: full parts, then one that is not. */
  #read(generation: number, table: number, bucket: number): Uint8Array | undefined {
    const first = this.#store.readPage(generation, table, bucket);
    if (first === undefined || first.length < PART_BYTES) return first;
    const parts = [first];
    while (parts.at(-1)?.length === PART_BYTES) {
      const next = this.#store.readPage(generation, table, bucket + parts.length * PART_STRIDE);
      if (next === undefined) break;
      parts.push(next);
    }
    return joined(parts);
  }

  #boundFilters(): void {
    while (this.#indexes.reduce((bytes, index) => bytes + index.filterBytes, 0) > this.#filterBytesMax) {
      const withFilters = this.#indexes.filter(({ oldestFilters }) => oldestFilters !== undefined);
      withFilters.reduce((oldest, index) => (index.oldestFilters! < oldest.oldestFilters! ? index : oldest)).giveUpFilters();
    }
  }
}

const NO_PAGES: readonly Uint8Array[] = [];

/** Index of the first generation from which on all together have no more than `entriesMax` entries. */
export function firstThatFits(generations: readonly Generation[], entriesMax: number): number {
  let room = entriesMax;
  let first = generations.length;
  while (first > 0) {
    for (const table of generations[first - 1]!.tables) room -= table?.count ?? 0;
    if (room < 0) break;
    first--;
  }
  return first;
}

function partsOf({ table, bucket, bytes }: ColdPage): ColdPage[] {
  const parts: ColdPage[] = [];
  for (let from = 0; from < bytes.length; from += PART_BYTES) {
    parts.push({ table, bucket: bucket + parts.length * PART_STRIDE, bytes: bytes.subarray(from, from + PART_BYTES) });
  }
  return parts;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((bytes, part) => bytes + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
