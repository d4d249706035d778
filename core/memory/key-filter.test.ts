import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KeyFilter, SLICED_FILTERS_MAX, SlicedFilters } from './key-filter.ts';

const half = fc.nat({ max: 2 ** 32 - 1 });
const keyArbitrary = fc.record({ lo: half, hi: half });

describe('a key filter', () => {
  test('never denies a key that was added', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ lo: half, hi: half })), (keys) => {
        const filter = KeyFilter.forKeys(keys.length);
        for (const key of keys) filter.add(key.lo, key.hi);
        for (const key of keys) expect(new KeyFilter(filter.bytes.slice()).mayHave(key)).toBe(true);
      }),
    );
  });

  test('denies 999 of 1 000 keys that were not added', () => {
    let state = 1;
    const draw = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) ^ (state >>> 16);
    const filter = KeyFilter.forKeys(10_000);
    for (let key = 0; key < 10_000; key++) filter.add(draw() >>> 0, draw() >>> 0);
    let admitted = 0;
    for (let key = 0; key < 100_000; key++) if (filter.mayHave({ lo: draw() >>> 0, hi: draw() >>> 0 })) admitted++;
    expect(admitted).toBeLessThan(100);
  });
});

describe('sliced filters', () => {
  test('say of each filter what it says by itself', () => {
    const filters = fc.array(fc.array(keyArbitrary, { maxLength: 3 }), { minLength: 1, maxLength: SLICED_FILTERS_MAX });
    fc.assert(
      fc.property(filters, fc.array(keyArbitrary), fc.integer(), (keysOfFilters, others, asked) => {
        const alone = keysOfFilters.map((keys) => filterOf(keys));
        const sliced = new SlicedFilters(64);
        for (const [at, filter] of alone.entries()) sliced.set(at, filter);
        for (const key of [...keysOfFilters.flat(), ...others]) {
          const answer = sliced.whichMayHave(key, asked);
          for (const [at, filter] of alone.entries()) expect((answer & (1 << at)) !== 0).toBe((asked & (1 << at)) !== 0 && filter.mayHave(key));
          expect(answer & ~asked).toBe(0);
        }
      }),
    );
  });

  test('are made from a filter wherever its bytes lie in memory', () => {
    const filter = filterOf([{ lo: 5, hi: 0xffff_ffff }]);
    const shifted = new Uint8Array(filter.bytes.length + 3).subarray(3);
    shifted.set(filter.bytes);
    const sliced = new SlicedFilters(filter.bits);
    sliced.set(31, new KeyFilter(shifted));
    expect(sliced.whichMayHave({ lo: 5, hi: 0xffff_ffff }, -1)).toBe(1 << 31);
  });

  test('take sizes that are powers of two, which a new filter has', () => {
    for (const keys of [0, 1, 6, 1_000, 65_536]) expect(SlicedFilters.canHold(KeyFilter.forKeys(keys))).toBe(true);
    expect(SlicedFilters.canHold(new KeyFilter(new Uint8Array(12)))).toBe(false);
    expect(SlicedFilters.canHold(new KeyFilter(new Uint8Array(2)))).toBe(false);
  });
});

function filterOf(keys: readonly { lo: number; hi: number }[]): KeyFilter {
  const filter = KeyFilter.forKeys(keys.length);
  for (const { lo, hi } of keys) filter.add(lo, hi);
  return filter;
}
