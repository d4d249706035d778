import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LandingFence } from './landing-fence.ts';

const LIMITS = { landsWithinMs: 1_000, blocksMax: 3 };

test('nothing waits while every insert was heard of', () => {
  const fence = new LandingFence(LIMITS);
  for (let i = 0; i < 10; i++) fence.stored(1);
  expect(fence.waitMs(5)).toBe(0);
});

// t (ms)    0        400   600      1 600
// given up  x              x
// stored      1 2 3
// waits              600   1 000    0
test('after an insert that was given up so much may be stored, then the rest waits until it must have landed', () => {
  const fence = new LandingFence(LIMITS);
  fence.unheard(0);
  for (const waits of [0, 0, 0]) {
    expect(fence.waitMs(400)).toBe(waits);
    fence.stored(1);
  }
  expect(fence.waitMs(400)).toBe(600);
  fence.unheard(600);
  expect([fence.waitMs(600), fence.waitMs(1_599), fence.waitMs(1_600)]).toEqual([1_000, 1, 0]);
  fence.stored(5);
  fence.unheard(9_000);
  expect(fence.waitMs(9_000)).toBe(0);
});

test('whoever asks before each range never stores more than the bound, and one range, behind an insert that may land', () => {
  const step = fc.record({ afterMs: fc.nat(600), isUnheard: fc.boolean(), blocks: fc.integer({ min: 1, max: 4 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const fence = new LandingFence(LIMITS);
      const open: { untilMs: number; behind: number }[] = [];
      let nowMs = 0;
      for (const { afterMs, isUnheard, blocks } of steps) {
        nowMs += afterMs;
        if (isUnheard) {
          fence.unheard(nowMs);
          open.push({ untilMs: nowMs + LIMITS.landsWithinMs, behind: 0 });
        }
        nowMs += fence.waitMs(nowMs);
        fence.stored(blocks);
        for (const insert of open) if (nowMs < insert.untilMs) expect((insert.behind += blocks)).toBeLessThan(LIMITS.blocksMax + 4);
      }
    }),
  );
});
