import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TrackingError } from '../errors.ts';
import { mixAll } from './mix64.ts';
import { REGISTERS } from './registers.ts';
import { Uniques, viewerStates } from './uniques.ts';

const MASK = 2n ** 64n - 1n;

/** MurmurHash3's finaliser, as it is published. */
function fmix64(hash: bigint): bigint {
  let mixed = ((hash ^ (hash >> 33n)) * 0xff51afd7ed558ccdn) & MASK;
  mixed = ((mixed ^ (mixed >> 33n)) * 0xc4ceb9fe1a85ec53n) & MASK;
  return mixed ^ (mixed >> 33n);
}

/** `count` distinct random viewers as pairs of halves. */
function randomViewers(count: number, seed: number): Uint32Array {
  const pairs = new Uint32Array(count * 2);
  for (let i = 0; i < count; i++) pairs.set([i + 1, seed + 1], i * 2);
  mixAll(new BigUint64Array(pairs.buffer));
  return pairs;
}

/** The state of one cell that these have been in. */
const viewersToState = (pairs: Uint32Array): Uint8Array => viewerStates(Uint32Array.of(pairs.length / 2), pairs);

function uniquesOf(pairs: Uint32Array): Uniques {
  const uniques = new Uniques();
  for (let i = 0; i < pairs.length; i += 2) uniques.add(pairs[i]!, pairs[i + 1]!);
  return uniques;
}

test('the mixer is MurmurHash3’s', () => {
  fc.assert(
    fc.property(fc.array(fc.bigInt({ min: 0n, max: MASK })), (values) => {
      const numbers = BigUint64Array.from(values);
      mixAll(numbers);
      expect([...numbers]).toEqual(values.map(fmix64));
    }),
  );
});

test('the mixer stays what it is once it is compiled', () => {
  const numbers = BigUint64Array.from({ length: 200_000 }, (_, i) => (BigInt(i) * 0x9e3779b97f4a7c15n) & MASK);
  const expected = BigUint64Array.from(numbers, fmix64);
  mixAll(numbers);
  expect(Buffer.from(numbers.buffer).equals(Buffer.from(expected.buffer))).toBe(true);
});

describe('counting', () => {
  test('is exact up to 4 096 viewers, however often each comes', () => {
    for (const count of [0, 1, 16, 17, 299, 4_096]) {
      const viewers = randomViewers(count, count);
      const uniques = uniquesOf(viewers);
      for (let i = 0; i < viewers.length; i += 2) uniques.add(viewers[i]!, viewers[i + 1]!);
      expect(uniques.estimate()).toBe(count);
    }
  });

  // sets of 5 000, 40 000 and 330 000 viewers: just past exact, sparse registers, and the old estimator's blind spot
  test.each([5_000, 40_000, 330_000])('of %i viewers errs by two per cent at most in 99 of 100 sets', (count) => {
    const errors = Array.from({ length: 100 }, (_, seed) => Math.abs(uniquesOf(randomViewers(count, seed)).estimate() - count) / count);
    errors.sort((a, b) => a - b);
    console.log(`${count} viewers: error p50 ${(100 * errors[49]!).toFixed(2)} %, p99 ${(100 * errors[98]!).toFixed(2)} %`);
    expect(errors[98]).toBeLessThan(0.02);
  });
});

describe('merging', () => {
  test.each([
    [5, 7],
    [10, 4_000],
    [4_000, 4_000],
    [3, 5_000],
    [5_000, 3],
    [9_000, 9_000],
  ])('%i and %i viewers, half of the smaller set shared, is counting them together', (left, right) => {
    const all = randomViewers(left + right, 1);
    const shared = Math.floor(Math.min(left, right) / 2);
    const first = all.subarray(0, left * 2);
    const second = all.subarray((left - shared) * 2, (left - shared + right) * 2);
    const merged = uniquesOf(first);
    merged.merge(uniquesOf(second));
    const together = uniquesOf(all.subarray(0, (left - shared + right) * 2));
    expect(merged.toState()).toEqual(together.toState());
    expect(merged.estimate()).toBe(together.estimate());
  });
});

describe('states', () => {
  test.each([0, 1, 16, 17, 127, 128, 4_096, 4_097, 50_000])('of %i viewers come back', (count) => {
    const state = uniquesOf(randomViewers(count, 3)).toState();
    expect(Uniques.fromState(state).toState()).toEqual(state);
  });

  test.each([0, 1, 16, 17, 4_096, 4_097])('of a cell of %i viewers are those of a sketch', (count) => {
    const viewers = randomViewers(count, 4);
    expect(viewersToState(viewers)).toEqual(uniquesOf(viewers).toState());
  });

  test('that were damaged are read as some state or refused as corrupt', () => {
    const states = [0, 3, 20, 300].map((count) => uniquesOf(randomViewers(count, 5)).toState());
    fc.assert(
      fc.property(fc.constantFrom(...states), fc.nat(), fc.nat(255), fc.nat(), (state, at, byte, cut) => {
        const damaged = state.slice(0, 1 + (cut % state.length));
        damaged[at % damaged.length] = byte;
        try {
          Uniques.fromState(damaged);
        } catch (error) {
          if (!(error instanceof TrackingError) || error.code !== 'corrupt_bytes') throw error;
        }
      }),
      { numRuns: 1_000 },
    );
  });

  const large = uniquesOf(randomViewers(5_000, 6)).toState();
  const changed = (at: number, value: number): Uint8Array => Object.assign(large.slice(), { [at]: value });

  test.each([
    ['nothing', new Uint8Array(0)],
    ['an unknown form', Uint8Array.of(4, 0)],
    ['a count without its hashes', Uint8Array.of(1, 16)],
    ['a forged count of billions', Uint8Array.of(2, 0xff, 0xff, 0xff, 0xff, 0x0f)],
    ['more than a small set holds', Uint8Array.from([1, 17, ...new Uint8Array(17 * 8)])],
    ['a hash twice', Uint8Array.from([1, 2, ...new Uint8Array(17).fill(7)])],
    ['registers cut short', large.subarray(0, large.length - 1)],
    ['a forged register', changed(1, large[1]! ^ 63)],
    ['a forged count of empty registers', changed(large.length - 1, 1)],
    ['a rank above the highest', changed(REGISTERS / 2, 63)],
  ])('with %s are refused', (_, bytes) => {
    expect(() => Uniques.fromState(bytes)).toThrow(TrackingError);
  });
});
