import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BucketTable } from './bucket-table.ts';

const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;
const NOW_MS = 1_773_100_800_000;

/** The same promises, kept by looking at everything. */
class NaiveTable {
  readonly pairs: { name: string; timeMs: number }[] = [];

  add(name: string, timeMs: number): boolean {
    if (this.pairs.some((pair) => pair.name === name && pair.timeMs === timeMs)) return false;
    this.pairs.push({ name, timeMs });
    return true;
  }

  anyIn(name: string, fromMs: number, toMs: number): boolean {
    return this.pairs.some((pair) => pair.name === name && pair.timeMs >= fromMs && pair.timeMs <= toMs);
  }
}

// Few keys, many of them in one bucket of one segment, some with one tag: chains, neighbours and crowds all come up.
const keyArbitrary = fc.record({ lo: fc.constantFrom(0, 1, 2, 0xff00_0001, 0xff00_ffff, 0xffff_ffff), hi: fc.integer({ min: 0, max: 12 }).map((n) => (n % 2 ? 0xffff_fff0 + n : n * 0x1555)) });
const timeArbitrary = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 40 }).map((ms) => NOW_MS + ms) },
  { weight: 2, arbitrary: fc.integer({ min: -60, max: 60 }).map((days) => NOW_MS + days * DAY_MS) },
  { weight: 1, arbitrary: fc.integer({ min: -20, max: 40 }).map((years) => NOW_MS + years * YEAR_MS) },
  { weight: 1, arbitrary: fc.constantFrom(0, NOW_MS - 2 ** 31, NOW_MS - 2 ** 31 - 1, NOW_MS + 2 ** 31 - 2, NOW_MS + 2 ** 31 - 1, NOW_MS + 2 ** 31) },
);

describe('a bucket table', () => {
  test('answers like a list of all its pairs, for times years apart and keys with many times', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(keyArbitrary, timeArbitrary), { maxLength: 250 }), fc.array(fc.tuple(keyArbitrary, timeArbitrary, fc.nat(2 * DAY_MS)), { maxLength: 60 }), (adds, questions) => {
        const table = new BucketTable();
        const naive = new NaiveTable();
        for (const [key, timeMs] of adds) expect(table.add(key, timeMs)).toBe(naive.add(JSON.stringify(key), timeMs));
        expect(table.size).toBe(naive.pairs.length);
        for (const [key, timeMs] of adds) expect(table.anyIn(key, timeMs, timeMs)).toBe(true);
        for (const [key, fromMs, spanMs] of questions) expect(table.anyIn(key, fromMs, fromMs + spanMs)).toBe(naive.anyIn(JSON.stringify(key), fromMs, fromMs + spanMs));
      }),
      { numRuns: 300 },
    );
  });

  test('never loses what lies at or above the floor, however often the floor rises', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(keyArbitrary, timeArbitrary, fc.boolean()), { maxLength: 300 }), (adds) => {
        const table = new BucketTable();
        const naive = new NaiveTable();
        let floorMs = Number.NEGATIVE_INFINITY;
        for (const [key, timeMs, raise] of adds) {
          if (raise) table.forgetBefore((floorMs = Math.max(floorMs, timeMs - 20)));
          table.add(key, timeMs);
          naive.add(JSON.stringify(key), timeMs);
        }
        for (const { name, timeMs } of naive.pairs) if (timeMs >= floorMs) expect(table.anyIn(JSON.parse(name), timeMs, timeMs)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('answers the same before, while and after it is dealt out to segments, with a past that is being forgotten', () => {
    const table = new BucketTable();
    const count = 40_000;
    for (let at = 0; at < count; at++) {
      expect(table.add(spread(at), NOW_MS + at)).toBe(true);
      expect(table.add(spread(at), NOW_MS + at)).toBe(false);
      if (at % 1_000 === 999) table.forgetBefore(NOW_MS + at / 2);
    }
    for (let at = count / 2; at < count; at++) {
      expect(table.anyIn(spread(at), NOW_MS + at, NOW_MS + at)).toBe(true);
      expect(table.anyIn(spread(at + count), NOW_MS, NOW_MS + 2 * count)).toBe(false);
    }
  });

  test('gives room back after the floor has risen, by and by', () => {
    const table = new BucketTable();
    for (let at = 0; at < 100_000; at++) table.add(spread(at), NOW_MS + at);
    const fullBytes = table.byteLength;
    table.forgetBefore(NOW_MS + 90_000);
    for (let at = 100_000; at < 120_000; at++) table.add(spread(at), NOW_MS + at);
    expect(table.size).toBe(30_000);
    expect(table.byteLength).toBeLessThan(fullBytes / 2);
    for (let at = 90_000; at < 120_000; at++) expect(table.anyIn(spread(at), NOW_MS + at, NOW_MS + at)).toBe(true);
  });

  test('takes at most 36 bytes a key from ten thousand keys on', () => {
    const table = new BucketTable();
    for (let at = 0; at < 300_000; at++) {
      table.add(spread(at), NOW_MS + at);
      if (at > 10_000 && at % 5_000 === 0) expect(table.byteLength / table.size).toBeLessThan(36);
    }
  });

  test('stays quick for one viewer who never stops clicking', () => {
    const table = new BucketTable();
    const steady = { lo: 7, hi: 7 };
    for (let at = 0; at < 200_000; at++) table.add(steady, NOW_MS + at * 1_000);
    expect(table.size).toBe(200_000);
    expect(table.byteLength).toBeLessThan(2_000);
    expect(table.anyIn(steady, NOW_MS + 77_000_001, NOW_MS + 77_000_999)).toBe(false);
    expect(table.anyIn(steady, NOW_MS + 77_000_001, NOW_MS + 77_001_000)).toBe(true);
  });

  test('keeps a crowd of steady clickers when its span of time moves on', () => {
    const table = new BucketTable();
    const keys = Array.from({ length: 3_000 }, (_, at) => ({ lo: at, hi: at }));
    for (const key of keys) for (let click = 0; click < 6; click++) table.add(key, NOW_MS + click * 60_000);
    for (const key of keys) table.add(key, NOW_MS + 60 * DAY_MS);
    expect(table.size).toBe(3_000 * 7);
    for (const key of keys) for (let click = 0; click < 6; click++) expect(table.anyIn(key, NOW_MS + click * 60_000, NOW_MS + click * 60_000)).toBe(true);
    table.forgetBefore(NOW_MS + DAY_MS);
    for (let at = 0; at < 20_000; at++) table.add(spread(at), NOW_MS + 61 * DAY_MS);
    expect(table.size).toBe(3_000 + 20_000);
  });

  test('knows its own keys from those that differ in half a key only', () => {
    const table = new BucketTable();
    const halves = Array.from({ length: 200 }, (_, at) => spread(at).lo);
    for (const [at, half] of halves.entries()) table.add({ lo: half, hi: halves.at(-at)! }, NOW_MS + at);
    for (const [at, lo] of halves.entries()) {
      for (const hi of halves) expect(table.anyIn({ lo, hi }, 0, Number.POSITIVE_INFINITY)).toBe(hi === halves.at(-at));
    }
  });

  test('is not changed by what it expects, however much that is', () => {
    const table = new BucketTable();
    table.readExpected();
    table.expect(spread(1));
    for (let at = 0; at < 1_000; at++) table.add(spread(at), NOW_MS + at);
    for (let at = 0; at < 2_000; at++) table.expect(spread(at));
    table.readExpected();
    expect(table.size).toBe(1_000);
    for (let at = 0; at < 2_000; at++) expect(table.anyIn(spread(at), 0, Number.POSITIVE_INFINITY)).toBe(at < 1_000);
  });

  test('samples times from all ages', () => {
    const table = new BucketTable();
    for (let at = 0; at < 50_000; at++) table.add(spread(at), NOW_MS + at);
    const times = table.sampleTimes(4_000);
    expect(times.length).toBeGreaterThanOrEqual(4_000);
    expect(Math.abs(times[times.length >> 1]! - NOW_MS - 25_000)).toBeLessThan(2_500);
  });
});

/** Evenly spread keys, one a number (murmur's finaliser). */
function spread(number: number): { lo: number; hi: number } {
  let mixed = Math.imul(number ^ (number >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return { lo: (mixed ^ (mixed >>> 16)) >>> 0, hi: number };
}
