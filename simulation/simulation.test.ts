import { describe, expect, test } from 'vitest';
import { PLANTS } from './planted/catalogue.ts';
import { hunt } from './planted/hunt.ts';
import { runSeed } from './run-seed.ts';

const SEEDS = 200;
/** Half an hour each: resharding, a midnight and every kind of fault fit into it. */
const HOURS = 0.5;
const MINUTE_MS = 60_000;

describe('simulated worlds', () => {
  test(`${SEEDS} seeds break no invariant`, { timeout: 20 * MINUTE_MS }, async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { violation } = await runSeed({ seed, hours: HOURS });
      expect(violation?.message, `npm run sim -- --seed ${seed} --hours ${HOURS}`).toBeUndefined();
    }
  });

  test('the same seed twice takes the same steps', { timeout: 5 * MINUTE_MS }, async () => {
    for (const seed of [7, 77, 777]) {
      const [once, again] = [await runSeed({ seed, hours: HOURS }), await runSeed({ seed, hours: HOURS })];
      expect(again.traceHash).toBe(once.traceHash);
      expect(again.steps).toBe(once.steps);
    }
  });

  test('another seed is another world', { timeout: 5 * MINUTE_MS }, async () => {
    const hashes = await Promise.all([1, 2].map(async (seed) => (await runSeed({ seed, hours: 0.1 })).traceHash));
    expect(new Set(hashes).size).toBe(2);
  });
});

/** Worlds in which something broke once, and what it was. The shard that trusted a lost alarm has a test of its own beside its keeper. */
const MENDED: readonly (readonly [seed: number, hours: number, what: string])[] = [
  [4, 1, 'a shard whose alarm was lost while it lived never flushed again'],
  [13, 1, 'shards and a spill queue whose alarms were lost stood still side by side'],
  [96, 0.5, 'an object died between the end of its alarm and the write that set the next'],
  [90119, 1, 'a shard lost its storage while one of a frame\'s two records was in the log and the other was not'],
  [90279, 1, 'a shard that lost its storage took once more what its spill queue handed over'],
  [503172, 1, 'an alarm rang beside the one that ran, was done at once, and nothing rang again when its object died'],
  [205538, 1, 'a frame was appended unheard, and the next life of its shard, with an earlier epoch, was taken at its word'],
  [1068, 1, 'a shard that was reset on a machine whose clock was behind spoke as an earlier life of its own'],
];

describe('what broke once stays mended', () => {
  for (const [seed, hours, what] of MENDED) {
    test(`${what} (seed ${seed})`, { timeout: 5 * MINUTE_MS }, async () => {
      expect((await runSeed({ seed, hours })).violation?.message).toBeUndefined();
    });
  }
});

describe('planted bugs', () => {
  test('there are more than twenty, each with a name of its own', () => {
    expect(new Set(PLANTS.map(({ name }) => name)).size).toBe(PLANTS.length);
    expect(PLANTS.length).toBeGreaterThan(20);
  });

  /** The rest takes the command: `npm run sim -- --planted`. */
  const QUICK = new Set(['202 before the commit', 'token checked after redirect', 'home region is the POP’s', 'dedup by received day', 'delete before ack', 'late impression counted twice', 'no seq check', 'watermark from memory', 'no insert token']);
  for (const plant of PLANTS.filter(({ name }) => QUICK.has(name))) {
    test(`“${plant.name}” is caught`, { timeout: 10 * MINUTE_MS }, async () => {
      const { caught } = await hunt(plant, { fromSeed: 10, hours: 1, seedsMax: 60 });
      expect(caught).not.toBeNull();
    });
  }
});
