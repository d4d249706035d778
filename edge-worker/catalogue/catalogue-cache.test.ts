import { describe, expect, test } from 'vitest';
import type { RequestScope } from '../ports.ts';
import { CatalogueCache, MISSING_WAIT_MS, READ_INTERVAL_MS, STALE_WAIT_MS } from './catalogue-cache.ts';
import { isNewer, type CatalogueView } from './catalogue-view.ts';
import { freshnessOf, WORD_LIFE_MS } from './freshness.ts';

/** A store, a cache and a clock that moves only when somebody sleeps. The view is just its version. */
function rig(readMs = 5) {
  const world = { nowMs: 1_000_000, version: 1 as number | null, reads: 0, background: [] as Promise<unknown>[], logged: [] as string[], fails: false, toldAtMs: undefined as number | undefined };
  const sleep = async (durationMs: number) => {
    const untilMs = world.nowMs + durationMs;
    await new Promise((resolve) => setTimeout(resolve, durationMs / 10));
    world.nowMs = Math.max(world.nowMs, untilMs);
  };
  const after = (durationMs: number, work: () => void) => void sleep(durationMs).then(work);
  const cache = new CatalogueCache({
    store: {
      read: async () => {
        world.reads++;
        const seen = world.version;
        await sleep(readMs);
        if (world.fails) throw new Error('no store');
        return seen === null ? null : String(seen);
      },
    },
    hear: (text) => ({ toldAtMs: world.toldAtMs ?? world.nowMs, sealed: text }),
    open: (text) => ({ catalogueVersion: Number(text), issuedAtMs: 0 }) as CatalogueView,
    log: (message) => world.logged.push(message),
  });
  const scope = (): RequestScope => ({ arrivedAtMs: world.nowMs, clock: { nowMs: () => world.nowMs }, canBeWoken: true, sleep, after, waitUntil: (work) => void world.background.push(work) });
  const version = async () => (await cache.view(scope()))?.catalogueVersion ?? null;
  return { world, cache, scope, version };
}

test('a copy is fresh for a second, ages for two more, then is stale', () => {
  expect([0, 1_000, 1_001, 3_000, 3_001].map(freshnessOf)).toEqual(['fresh', 'fresh', 'ageing', 'ageing', 'stale']);
});

test('an older catalogue never replaces a newer one', () => {
  const held = { catalogueVersion: 5, issuedAtMs: 100 };
  expect(isNewer({ catalogueVersion: 4, issuedAtMs: 900 }, held)).toBe(false);
  expect(isNewer({ catalogueVersion: 5, issuedAtMs: 100 }, held)).toBe(false);
  expect(isNewer({ catalogueVersion: 5, issuedAtMs: 101 }, held)).toBe(true);
  expect(isNewer({ catalogueVersion: 6, issuedAtMs: 1 }, held)).toBe(true);
});

// told at (min)   0 ─────────── 11 │ ────
// in touch        yes              │ no
describe('an edge that hears nothing', () => {
  test('is in touch until the least that a change is announced ahead may be over', async () => {
    const { world, cache, version } = rig();
    await version();
    const heardAtMs = world.nowMs - 5;
    world.fails = true;
    expect([0, WORD_LIFE_MS, WORD_LIFE_MS + 1].map((afterMs) => cache.isInTouch(heardAtMs + afterMs))).toEqual([true, true, false]);
    world.nowMs += WORD_LIFE_MS + 60_000;
    expect(await version()).toBe(1);
    expect(cache.isInTouch(world.nowMs)).toBe(false);
    world.fails = false;
    world.nowMs += READ_INTERVAL_MS;
    await version();
    await Promise.all(world.background);
    expect(cache.isInTouch(world.nowMs)).toBe(true);
  });

  test('asks before it answers when it has slept, and is in touch at once', async () => {
    const { world, cache, scope, version } = rig();
    await version();
    world.nowMs += 8 * 3_600_000;
    const arrival = scope();
    await cache.view(arrival);
    expect(cache.isInTouch(arrival.arrivedAtMs)).toBe(true);
  });

  test('is not taken in by a store that gives an old word again and again, nor by a hub whose clock runs ahead', async () => {
    const { world, cache, version } = rig();
    world.toldAtMs = world.nowMs - WORD_LIFE_MS - 1;
    await version();
    expect(cache.isInTouch(world.nowMs)).toBe(false);
    world.toldAtMs = world.nowMs + 86_400_000;
    world.nowMs += 10_000;
    await version();
    world.fails = true;
    expect(cache.isInTouch(world.nowMs)).toBe(true);
    world.nowMs += WORD_LIFE_MS + 1;
    expect(cache.isInTouch(world.nowMs)).toBe(false);
  });

  test('by a catalogue older than its own is told nothing', async () => {
    const { world, cache, version } = rig();
    world.version = 2;
    await version();
    world.version = 1;
    world.nowMs += WORD_LIFE_MS + 10_000;
    expect(await version()).toBe(2);
    expect(cache.isInTouch(world.nowMs)).toBe(false);
  });
});

describe('the cache', () => {
  // age (s)  0 ───── 1 ───────── 3 ────────
  // served   as is   │ as is,    │ after a
  //                  │ and read  │ bounded read
  test('serves, refreshes beside, or waits, by age', async () => {
    const { world, version } = rig();
    expect(await version()).toBe(1);
    world.version = 2;
    world.nowMs += 900;
    expect(await version()).toBe(1);
    expect(world.reads).toBe(1);
    world.nowMs += 1_000;
    expect(await version()).toBe(1);
    await Promise.all(world.background);
    expect(await version()).toBe(2);
    world.version = 3;
    world.nowMs += 4_000;
    expect(await version()).toBe(3);
  });

  test('a store that fails or hangs never stops anybody for long', async () => {
    const { world, version } = rig();
    await version();
    world.fails = true;
    world.nowMs += 10_000;
    const beganAtMs = world.nowMs;
    expect(await version()).toBe(1);
    expect(world.nowMs - beganAtMs).toBeLessThanOrEqual(STALE_WAIT_MS + 50);
    expect(world.logged.length).toBeGreaterThan(0);
  });

  test('while the store is away only the first is kept waiting, few lines are logged, and its return is noticed', async () => {
    const { world, version } = rig();
    await version();
    world.fails = true;
    world.nowMs += 10_000;
    await version();
    for (let i = 0; i < 50; i++) {
      const beganAtMs = world.nowMs;
      expect(await version()).toBe(1);
      expect(world.nowMs).toBe(beganAtMs);
      await Promise.all(world.background);
      world.nowMs += READ_INTERVAL_MS;
    }
    expect(world.logged.length).toBeLessThan(10);
    world.fails = false;
    world.version = 2;
    await version();
    await Promise.all(world.background);
    expect(await version()).toBe(2);
  });

  test('with nothing yet, every request looks again', async () => {
    const { world, version } = rig();
    world.version = null;
    expect(await version()).toBe(null);
    world.version = 1;
    world.nowMs += READ_INTERVAL_MS;
    expect(await version()).toBe(1);
  });

  test('what was registered before the request came is seen, though a read was on its way', async () => {
    const { world, cache, scope, version } = rig(50);
    await version();
    world.nowMs += 2_000;
    await cache.view(scope()); // begins a read in the background that sees version 1
    world.version = 2;
    const arrival = scope();
    const ticket = cache.ticket();
    expect((await cache.viewAfter(ticket, arrival))?.catalogueVersion).toBe(2);
  });

  test('a flood of unknown ads reads at most once per interval', async () => {
    const { world, cache, scope, version } = rig();
    await version();
    const beganAtMs = world.nowMs;
    await Promise.all(Array.from({ length: 200 }, () => cache.viewAfter(cache.ticket(), scope())));
    expect(world.reads - 1).toBeLessThanOrEqual(1 + Math.ceil((world.nowMs - beganAtMs) / READ_INTERVAL_MS));
    expect(world.nowMs - beganAtMs).toBeLessThan(MISSING_WAIT_MS);
  });

  test('a read whose request died does not lock the others out', async () => {
    const { world, cache, scope } = rig();
    const dead: RequestScope = { ...scope(), waitUntil: () => undefined };
    let release = () => undefined as void;
    const hanging = new Promise<void>((resolve) => (release = resolve));
    const stuck = new CatalogueCache({
      store: { read: async () => (world.reads++ === 0 ? (await hanging, '1') : '2') },
      hear: (text) => ({ toldAtMs: 0, sealed: text }),
      open: (text) => ({ catalogueVersion: Number(text), issuedAtMs: 0 }) as CatalogueView,
      log: () => undefined,
    });
    expect(await stuck.view(dead)).toBe(null);
    world.nowMs += 2_000;
    expect((await stuck.view(scope()))?.catalogueVersion).toBe(2);
    release();
    void cache;
  });
});
