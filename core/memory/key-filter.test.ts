import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KeyFilter } from './key-filter.ts';

const half = fc.nat({ max: 2 ** 32 - 1 });

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

  test('denies 99 of 100 keys that were not added', () => {
    let state = 1;
    const draw = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) ^ (state >>> 16);
    const filter = KeyFilter.forKeys(10_000);
    for (let key = 0; key < 10_000; key++) filter.add(draw() >>> 0, draw() >>> 0);
    let admitted = 0;
    for (let key = 0; key < 10_000; key++) if (filter.mayHave({ lo: draw() >>> 0, hi: draw() >>> 0 })) admitted++;
    expect(admitted).toBeLessThan(100);
  });
});
