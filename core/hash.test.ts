import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EVENT_KINDS, NO_KEY } from './event.ts';
import { adHash, adKey, combineKeys, createKeyHasher, isKey } from './hash.ts';

const hasher = await createKeyHasher(0x0123_4567_89ab_cdefn);
const idArbitrary = fc.stringMatching(/^[A-Za-z0-9_.:-]{1,64}$/);
const textOf = (key: { lo: number; hi: number }) => `${key.hi}:${key.lo}`;

describe('keys of events', () => {
  test('never change for a given seed', () => {
    expect(hasher.id(EVENT_KINDS.click, 'ad-1', 'c1')).toEqual({ lo: 2_039_475_342, hi: 1_338_412_551 });
    expect(hasher.viewer('someone')).toEqual({ lo: 4_077_190_087, hi: 1_876_130_436 });
    expect(hasher.join('ad-1', 'i1')).toEqual({ lo: 2_921_647_683, hi: 4_067_229_539 });
  });

  test('differ by seed, so that nobody without it can prepare a collision', async () => {
    const other = await createKeyHasher(0x0123_4567_89ab_cdeen);
    expect(other.viewer('someone')).not.toEqual(hasher.viewer('someone'));
  });

  test('an impression and the news that it was viewable have one id; a click has another', () => {
    const impression = hasher.id(EVENT_KINDS.impression, 'ad-1', 'n');
    expect(hasher.id(EVENT_KINDS.viewable, 'ad-1', 'n')).toEqual(impression);
    expect(hasher.id(EVENT_KINDS.click, 'ad-1', 'n')).not.toEqual(impression);
    expect(hasher.id(EVENT_KINDS.conversion, 'ad-1', 'n')).not.toEqual(impression);
  });

  test('no two pairs of fields run together, and no two spaces meet', () => {
    fc.assert(
      fc.property(idArbitrary, idArbitrary, idArbitrary, idArbitrary, (ad, id, otherAd, otherId) => {
        fc.pre(ad !== otherAd || id !== otherId);
        expect(hasher.join(ad, id)).not.toEqual(hasher.join(otherAd, otherId));
        expect(hasher.id(EVENT_KINDS.click, ad, id)).not.toEqual(hasher.id(EVENT_KINDS.click, otherAd, otherId));
      }),
    );
    expect(hasher.join('a', 'bc')).not.toEqual(hasher.join('ab', 'c'));
    const spaces = [hasher.join('a', 'b'), hasher.id(EVENT_KINDS.click, 'a', 'b'), hasher.id(EVENT_KINDS.impression, 'a', 'b'), hasher.viewer('a/b'), hasher.viewer('j/a/b')];
    expect(new Set(spaces.map(textOf)).size).toBe(spaces.length);
  });

  test('are never the absent key', () => {
    fc.assert(fc.property(fc.string(), (text) => isKey(hasher.viewer(text))));
    expect(combineKeys({ lo: 5, hi: 6 }, { lo: 5, hi: 6 })).toEqual({ lo: 1, hi: 0 });
  });

  test('a text has the same one whole and in two pieces, whatever its characters and length', () => {
    const spelled = fc.oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.string({ maxLength: 40 }), fc.integer({ min: 505, max: 515 }).map((length) => 'x'.repeat(length)));
    fc.assert(fc.property(spelled, spelled, (text, rest) => textOf(hasher.viewer(text, rest)) === textOf(hasher.viewer(text + rest))));
    expect(hasher.viewer('é', 'a')).toEqual(hasher.viewer('éa'));
  });

  test('a text of any length and any characters has one', () => {
    const long = 'é€😀'.repeat(100_000);
    expect(hasher.viewer(long)).toEqual(hasher.viewer(long));
    expect(hasher.viewer(long)).not.toEqual(hasher.viewer(`${long}x`));
  });
});

describe('routes', () => {
  test('are 16 bits that spread viewers evenly, and 0 for nobody', () => {
    const bySalt = new Uint32Array(7);
    for (let viewer = 0; viewer < 70_000; viewer++) {
      const route = hasher.route(hasher.viewer(`v${viewer}`));
      expect(route).toBeGreaterThanOrEqual(0);
      expect(route).toBeLessThan(65_536);
      bySalt[route % 7]!++;
    }
    for (const count of bySalt) expect(Math.abs(count - 10_000)).toBeLessThan(500);
    expect(hasher.route(NO_KEY)).toBe(0);
    expect(hasher.route({ lo: 0, hi: 0 })).toBe(0);
  });
});

describe('the hash of an ad', () => {
  test('never changes: shards are found by it', () => {
    expect(['ad-1', 'ad-2', 'spring_banner.300x250', ''].map(adHash)).toEqual([2_932_648_250, 3_487_396_391, 1_544_896_995, 2_872_998_923]);
    expect(hasher.adHash('ad-1')).toBe(adHash('ad-1'));
  });

  test('spreads numbered ads over shards evenly', () => {
    for (const shards of [4, 7, 64]) {
      const byShard = new Uint32Array(shards);
      for (let ad = 0; ad < 1_000 * shards; ad++) byShard[adHash(`ad-${ad}`) % shards]!++;
      for (const count of byShard) expect(Math.abs(count - 1_000)).toBeLessThan(200);
    }
  });

  test('as 64 bits, differs from ad to ad', () => {
    const keys = new Set(Array.from({ length: 100_000 }, (_, ad) => textOf(adKey(`ad-${ad}`))));
    expect(keys.size).toBe(100_000);
  });
});
