import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ColdTable } from './cold-tier.ts';
import { EntryJournal, forEachEntry, pageHas } from './entry-pages.ts';

const half = fc.nat({ max: 2 ** 32 - 1 });
const entryArbitrary = fc.record({ key: fc.record({ lo: half, hi: half }), timeMs: fc.integer({ min: -1e12, max: 4e12 }) });

describe('a journal of entries', () => {
  test('becomes pages that hold every entry once, in the page of its key', () => {
    fc.assert(
      fc.property(fc.array(entryArbitrary, { minLength: 1, maxLength: 2_000 }), (entries) => {
        const table = onlyOf(journalOf(entries).toColdTables());
        const found: unknown[] = [];
        for (const [bucket, page] of table.pages.entries()) {
          forEachEntry(page, (key, timeMs) => {
            expect(key.hi & (table.pages.length - 1)).toBe(bucket);
            found.push({ key, timeMs });
          });
        }
        expect(sorted(found)).toEqual(sorted(entries));
        expect(table.count).toBe(entries.length);
        expect(table.minMs).toBe(Math.min(...entries.map((entry) => entry.timeMs)));
        expect(table.maxMs).toBe(Math.max(...entries.map((entry) => entry.timeMs)));
        expect(entries.every(({ key }) => table.filter.mayHave(key))).toBe(true);
      }),
    );
  });

  test('becomes several shares when there is much, the oldest entries first, and none of them is large', () => {
    const entries = Array.from({ length: 150_000 }, (_, at) => ({ key: { lo: Math.imul(at, 0x9e37_79b1) >>> 0, hi: Math.imul(at, 0x85eb_ca6b) >>> 0 }, timeMs: at }));
    const tables = journalOf(entries).toColdTables();
    expect(tables.map(({ count, minMs, maxMs }) => [count, minMs, maxMs])).toEqual([[65_536, 0, 65_535], [65_536, 65_536, 131_071], [18_928, 131_072, 149_999]]);
    for (const { filter, minMs } of tables) {
      expect(filter.bytes.length).toBeLessThanOrEqual(256 * 1024);
      expect(filter.mayHave(entries[minMs]!.key)).toBe(true);
    }
    const found: number[] = [];
    for (const table of tables) for (const page of table.pages) forEachEntry(page, (_key, timeMs) => found.push(timeMs));
    expect(found.toSorted((a, b) => a - b)).toEqual(entries.map(({ timeMs }) => timeMs));
  });

  test('is empty again once cleared', () => {
    const journal = journalOf([{ key: { lo: 1, hi: 2 }, timeMs: 3 }]);
    journal.clear();
    expect(journal.count).toBe(0);
    expect(journal.toColdTables()).toEqual([]);
    journal.push({ lo: 4, hi: 5 }, 6);
    expect(pageHas(onlyOf(journal.toColdTables()).pages[0]!, { lo: 4, hi: 5 }, 6, 6)).toBe(true);
  });
});

test('a page is read rightly wherever its bytes lie in memory', () => {
  const [page] = onlyOf(journalOf([{ key: { lo: 0xffff_ffff, hi: 0x8000_0001 }, timeMs: 1_773_100_800_123 }]).toColdTables()).pages;
  const shifted = new Uint8Array(page!.length + 3).subarray(3);
  shifted.set(page!);
  const key = { lo: 0xffff_ffff, hi: 0x8000_0001 };
  expect(pageHas(shifted, key, 1_773_100_800_123, 1_773_100_800_123)).toBe(true);
  expect(pageHas(shifted, key, 1_773_100_800_124, 1_773_100_900_000)).toBe(false);
  expect(pageHas(shifted, { ...key, lo: 1 }, 0, Number.POSITIVE_INFINITY)).toBe(false);
});

function journalOf(entries: readonly { key: { lo: number; hi: number }; timeMs: number }[]): EntryJournal {
  const journal = new EntryJournal();
  for (const { key, timeMs } of entries) journal.push(key, timeMs);
  return journal;
}

function onlyOf(tables: readonly ColdTable[]): ColdTable {
  expect(tables.length).toBe(1);
  return tables[0]!;
}

function sorted(entries: readonly unknown[]): string[] {
  return entries.map((entry) => JSON.stringify(entry)).sort();
}
