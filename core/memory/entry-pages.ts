import type { Key64 } from '../event.ts';
import { keepAlive } from '../keep-alive.ts';
import type { EpochMs } from '../time.ts';
import type { ColdTable } from './cold-tier.ts';
import { KeyFilter } from './key-filter.ts';

/** An entry is 16 bytes: u32 lo, u32 hi, f64 time in ms; little-endian, as every machine that runs this. */
const ENTRY_BYTES = 16;
const ENTRY_WORDS = 4;
const FIRST_ENTRIES = 64;

/** Entries a page: 16 KB are read where one key is asked for, in the same 12 µs as 8; half as many rows are written at less than half the cost. */
const ENTRIES_PER_PAGE = 1_024;
const PAGES_MAX = 4096;
/** Entries of one table that a generation takes; more become several, so that a filter is never large (256 KiB). */
const RUN_ENTRIES = 65_536;

/** Entries that no generation holds yet, in the order they came, ready to become pages. */
export class EntryJournal {
  #words = new Uint32Array(FIRST_ENTRIES * ENTRY_WORDS);
  #times = new Float64Array(this.#words.buffer);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  push(key: Key64, timeMs: EpochMs): void {
    if (this.#count * ENTRY_WORDS === this.#words.length) this.#grow();
    this.#words[this.#count * ENTRY_WORDS] = key.lo;
    this.#words[this.#count * ENTRY_WORDS + 1] = key.hi;
    this.#times[this.#count * 2 + 1] = timeMs;
    this.#count++;
  }

  clear(): void {
    this.#words = new Uint32Array(FIRST_ENTRIES * ENTRY_WORDS);
    this.#times = new Float64Array(this.#words.buffer);
    this.#count = 0;
  }

  /** The entries as pages with their filter, a generation's share at a time, in the order they came. */
  toColdTables(): ColdTable[] {
    const tables: ColdTable[] = [];
    for (let from = 0; from < this.#count; from += RUN_ENTRIES) tables.push(this.#coldTable(from, Math.min(from + RUN_ENTRIES, this.#count)));
    return tables;
  }

  #coldTable(from: number, to: number): ColdTable {
    const words = this.#words.subarray(from * ENTRY_WORDS, to * ENTRY_WORDS);
    const pageCount = bucketCountFor(to - from, ENTRIES_PER_PAGE);
    const starts = startsByPage(words, pageCount);
    const bytes = new Uint8Array(sortedByPage(words, starts).buffer);
    const pages = Array.from({ length: pageCount }, (_, page) => bytes.subarray(starts[page]! * ENTRY_BYTES, starts[page + 1]! * ENTRY_BYTES));
    return { count: to - from, ...this.#span(from, to), pages, filter: filterOf(words) };
  }

  #span(from: number, to: number): { minMs: EpochMs; maxMs: EpochMs } {
    let minMs = Number.POSITIVE_INFINITY;
    let maxMs = Number.NEGATIVE_INFINITY;
    for (let entry = from; entry < to; entry++) {
      const timeMs = this.#times[entry * 2 + 1]!;
      if (timeMs < minMs) minMs = timeMs;
      if (timeMs > maxMs) maxMs = timeMs;
    }
    return { minMs, maxMs };
  }

  #grow(): void {
    const words = new Uint32Array(this.#words.length * 2);
    words.set(this.#words);
    this.#words = words;
    this.#times = new Float64Array(words.buffer);
  }
}

/** A power of two, so that a page holds about `perPage` of `count`. */
export function bucketCountFor(count: number, perPage: number): number {
  let buckets = 1;
  while (buckets < PAGES_MAX && buckets * perPage < count) buckets *= 2;
  return buckets;
}

/** Whether a page holds the key with a time in [fromMs, toMs]. */
export function pageHas(bytes: Uint8Array, key: Key64, fromMs: EpochMs, toMs: EpochMs): boolean {
  const { words, times } = viewsOf(bytes);
  for (let word = 0; word < words.length; word += ENTRY_WORDS) {
    if (words[word] !== key.lo || words[word + 1] !== key.hi) continue;
    const timeMs = times[(word >>> 1) + 1]!;
    if (timeMs >= fromMs && timeMs <= toMs) return true;
  }
  return false;
}

/** Every entry of a page. */
export function forEachEntry(bytes: Uint8Array, visit: (key: Key64, timeMs: EpochMs) => void): void {
  const { words, times } = viewsOf(bytes);
  for (let word = 0; word < words.length; word += ENTRY_WORDS) visit({ lo: words[word]!, hi: words[word + 1]! }, times[(word >>> 1) + 1]!);
}

function viewsOf(bytes: Uint8Array): { words: Uint32Array; times: Float64Array } {
  const aligned = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
  return {
    words: new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4),
    times: new Float64Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 8),
  };
}

/** All entries, those of one page side by side; word by word, for a view of each entry costs more than its words. */
function sortedByPage(words: Uint32Array, starts: Uint32Array): Uint32Array {
  const sorted = new Uint32Array(words.length);
  const next = starts.slice();
  const mask = starts.length - 2;
  for (let from = 0; from < words.length; from += ENTRY_WORDS) {
    const hi = words[from + 1]!;
    const to = next[hi & mask]!++ * ENTRY_WORDS;
    sorted[to] = words[from]!;
    sorted[to + 1] = hi;
    sorted[to + 2] = words[from + 2]!;
    sorted[to + 3] = words[from + 3]!;
  }
  return sorted;
}

/** Where each page begins among the sorted entries; the last number is where they end. */
function startsByPage(words: Uint32Array, pageCount: number): Uint32Array {
  const starts = new Uint32Array(pageCount + 1);
  for (let word = 1; word < words.length; word += ENTRY_WORDS) starts[(words[word]! & (pageCount - 1)) + 1]!++;
  for (let page = 0; page < pageCount; page++) starts[page + 1]! += starts[page]!;
  return starts;
}

function filterOf(words: Uint32Array): KeyFilter {
  const filter = keepAlive('filter', KeyFilter.forKeys(words.length / ENTRY_WORDS));
  for (let word = 0; word < words.length; word += ENTRY_WORDS) filter.add(words[word]!, words[word + 1]!);
  return filter;
}
