import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Key64 } from '../event.ts';
import type { ColdPage } from './cold-store.ts';
import { ColdTier } from './cold-tier.ts';
import { EntryJournal, pageHas } from './entry-pages.ts';
import { MapColdStore } from './map-cold-store.ts';
import { NO_WINDOWS } from './retention.ts';

const FILTER_TABLE = 30;
const TABLES = 2;
type Entry = { readonly key: Key64; readonly timeMs: number };

/** A store that notes of which generations it was asked for pages, and that may keep filters as earlier versions wrote them. */
class WatchedStore extends MapColdStore {
  readonly asked: number[] = [];
  #oldFilterOf: ((table: number) => Uint8Array) | undefined;

  writingOldFilters(oldFilterOf: (table: number) => Uint8Array, write: () => void): void {
    this.#oldFilterOf = oldFilterOf;
    write();
    this.#oldFilterOf = undefined;
  }

  override writePages(generation: number, pages: readonly ColdPage[]): void {
    super.writePages(generation, pages.map((page) => (this.#oldFilterOf !== undefined && page.table === FILTER_TABLE ? { ...page, bytes: this.#oldFilterOf(page.bucket) } : page)));
  }

  override readPage(generation: number, table: number, bucket: number): Uint8Array | undefined {
    if (table < TABLES) this.asked.push(generation);
    return super.readPage(generation, table, bucket);
  }
}

/** Generations as plain lists. */
class NaiveTier {
  generations: { generation: number; tables: Entry[][] }[] = [];

  has(table: number, key: Key64, fromMs: number, toMs: number): boolean {
    return this.generations.some(({ tables }) => tables[table]!.some((entry) => entry.key.lo === key.lo && entry.key.hi === key.hi && entry.timeMs >= fromMs && entry.timeMs <= toMs));
  }
}

type Step =
  | { readonly do: 'write'; readonly tables: Entry[][]; readonly oldFilters: boolean }
  | { readonly do: 'expire'; readonly count: number }
  | { readonly do: 'reopen'; readonly filterBytesMax: number };

// Few keys, so that several generations have the same one; sizes of filters from 64 to 1 024 bits, with more than 32 generations of some.
const keyArbitrary = fc.record({ lo: fc.nat({ max: 40 }).map(spread), hi: fc.nat({ max: 3 }).map(spread) });
const entriesArbitrary = fc.oneof(
  { weight: 6, arbitrary: fc.array(fc.record({ key: keyArbitrary, timeMs: fc.nat({ max: 200 }) }), { maxLength: 4 }) },
  { weight: 1, arbitrary: fc.array(fc.record({ key: keyArbitrary, timeMs: fc.nat({ max: 200 }) }), { minLength: 10, maxLength: 60 }) },
);
const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  { weight: 20, arbitrary: fc.record({ do: fc.constant('write' as const), tables: fc.array(entriesArbitrary, { minLength: TABLES, maxLength: TABLES }), oldFilters: fc.nat({ max: 5 }).map((draw) => draw === 0) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('expire' as const), count: fc.nat({ max: 12 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const), filterBytesMax: fc.constantFrom(0, 300, 2_000, 1_000_000) }) },
);
const questionArbitrary = fc.record({ key: keyArbitrary, fromMs: fc.nat({ max: 200 }), spanMs: fc.constantFrom(0, 20, 1_000) });

describe('the cold tier', () => {
  test('finds what plain lists hold, and asks newer generations first, whatever was written, deleted, reopened or left without filters', () => {
    fc.assert(
      fc.property(fc.array(stepArbitrary, { maxLength: 120, size: 'max' }), fc.array(questionArbitrary, { minLength: 20, maxLength: 60 }), (steps, questions) => {
        const store = new WatchedStore();
        const naive = new NaiveTier();
        let tier = new ColdTier(store, 4_000);
        for (const step of steps) tier = take(step, tier, store, naive);
        for (const opened of [tier, new ColdTier(store, 4_000), new ColdTier(store, 0)]) {
          for (const { key, fromMs, spanMs } of questions) {
            for (let table = 0; table < TABLES; table++) {
              store.asked.length = 0;
              const pages = [...opened.pagesWith(table, key, fromMs, fromMs + spanMs)];
              expect(pages.some((page) => pageHas(page, key, fromMs, fromMs + spanMs))).toBe(naive.has(table, key, fromMs, fromMs + spanMs));
              expect(store.asked).toEqual([...new Set(store.asked)].toSorted((a, b) => b - a));
            }
          }
        }
      }),
      { numRuns: 200 },
    );
  }, 60_000);

  test('reads next to nothing for keys that no generation has, however many there are', () => {
    const { store, tier } = filled(100, 1_000, 10_000_000);
    expect(absentReads(store, tier, 1_000)).toBeLessThan(1_000 * 100 * 0.004);
  });

  test('reads a generation whose filter has no room in RAM, the oldest first', () => {
    // A group of 32 filters of 32 768 bits takes 128 KiB; a hundred generations make four groups.
    const { store, tier } = filled(100, 1_000, 2 * 131_072);
    expect(absentReads(store, tier, 10)).toBeGreaterThanOrEqual(10 * 64);
    expect(Math.max(...store.asked)).toBe(64);
  });
});

function take(step: Step, tier: ColdTier, store: WatchedStore, naive: NaiveTier): ColdTier {
  switch (step.do) {
    case 'write': {
      const write = () => tier.write(0, NO_WINDOWS, step.tables.map(coldTableOf));
      if (step.oldFilters) store.writingOldFilters((table) => oldFilter(step.tables[table]!), write);
      else write();
      naive.generations.push({ generation: tier.generations.at(-1)!.generation, tables: step.tables });
      return tier;
    }
    case 'expire': {
      // The numbers of deleted generations must not come back, so the last one stays.
      const gone = new Set(naive.generations.splice(0, Math.min(step.count, naive.generations.length - 1)).map(({ generation }) => generation));
      tier.expire(({ generation }) => gone.has(generation));
      return tier;
    }
    case 'reopen':
      return new ColdTier(store, step.filterBytesMax);
  }
}

function coldTableOf(entries: readonly Entry[]) {
  const journal = new EntryJournal();
  for (const { key, timeMs } of entries) journal.push(key, timeMs);
  return journal.toColdTables()[0];
}

/** As filters were stored before their sizes were powers of two: twelve bits a key, seven probes by division. */
function oldFilter(entries: readonly Entry[]): Uint8Array {
  const bytes = new Uint8Array(Math.max(8, Math.ceil((entries.length * 12) / 8)));
  for (const { key } of entries) {
    for (let probe = 0; probe < 7; probe++) {
      const bit = ((key.lo + Math.imul(probe, key.hi | 1)) >>> 0) % (bytes.length * 8);
      bytes[bit >>> 3]! |= 1 << (bit & 7);
    }
  }
  return bytes;
}

function filled(generations: number, entriesEach: number, filterBytesMax: number) {
  const store = new WatchedStore();
  const tier = new ColdTier(store, filterBytesMax);
  for (let from = 0; from < generations * entriesEach; from += entriesEach) {
    tier.write(0, NO_WINDOWS, [coldTableOf(Array.from({ length: entriesEach }, (_, at) => ({ key: keyOf(from + at), timeMs: from })))]);
  }
  return { store, tier };
}

/** How many pages are read for so many keys that nobody has. */
function absentReads(store: WatchedStore, tier: ColdTier, keys: number): number {
  store.asked.length = 0;
  for (let at = 0; at < keys; at++) Array.from(tier.pagesWith(0, keyOf(1e9 + at), 0, Number.POSITIVE_INFINITY));
  return store.asked.length;
}

function keyOf(number: number): Key64 {
  return { lo: spread(number), hi: spread(number ^ 0x5bd1_e995) };
}

/** Murmur's finaliser. */
function spread(number: number): number {
  let mixed = Math.imul(number ^ (number >>> 16), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
