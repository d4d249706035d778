import { createHash } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { DEFAULT_MEMORY_LIMITS } from '../core/memory/shard-memory.ts';
import type { MemoryLimits } from '../core/memory/shard-memory.ts';
import { DAY_MS } from '../core/time.ts';
import { Flusher } from './flusher.ts';
import { HttpHubClient } from './hub-client.ts';
import { atomically, nodeSql } from './node-sql.ts';
import { Shard } from './shard.ts';
import { shardPlace } from './shard-place.ts';
import { batchOf } from './testing/batches.ts';
import type { Planned } from './testing/batches.ts';
import { TestHub } from './testing/test-hub.ts';
import type { Mood } from './testing/test-hub.ts';

const T = Date.UTC(2026, 10, 1);
const FLUSH_KEY = new Uint8Array(32).fill(7);
const PLACE = shardPlace('replay.us.e0.1.0');
const TINY: MemoryLimits = { entriesMax: 8, waitingClicksMax: 2, checkpointEntries: 5, filterBytesMax: 64 };

const realFetch = globalThis.fetch;
afterEach(() => {
  globalThis.fetch = realFetch;
});

/** As long as an id may be, and nothing that packs. */
const longId = (number: number): string => createHash('shake256', { outputLength: 96 }).update(String(number)).digest('base64url');

/** One shard's life with its storage, hub and clock in the test's hands. */
class Life {
  readonly hub = new TestHub(FLUSH_KEY);
  readonly database = new DatabaseSync(':memory:');
  readonly #limits: MemoryLimits;
  nowMs = T;
  shard: Shard;

  constructor(limits: MemoryLimits) {
    this.#limits = limits;
    this.shard = this.wake();
  }

  /** What an eviction, a crash or a deployment leaves: the storage. */
  wake(): Shard {
    this.shard = new Shard({ sql: nodeSql(this.database), place: PLACE, nowMs: this.nowMs, memoryLimits: this.#limits });
    return this.shard;
  }

  record(planned: readonly Planned[]): number[] {
    return [...atomically(this.database, () => this.shard.record(this.shard.open(batchOf(planned)), this.nowMs))];
  }

  /** The process dies in the turn that commits: nothing of it may be left. */
  recordAndDie(planned: readonly Planned[]): void {
    const die = () => {
      this.shard.record(this.shard.open(batchOf(planned)), this.nowMs);
      throw new Error('killed');
    };
    expect(() => atomically(this.database, die)).toThrow('killed');
    this.wake();
  }

  async flush(): Promise<void> {
    globalThis.fetch = ((input: string, init: RequestInit) => this.hub.handle(input, init as never)) as typeof fetch;
    const hub = new HttpHubClient({ urls: ['http://hub.test'], flushKey: FLUSH_KEY, nowMs: () => this.nowMs });
    await new Flusher({ outbox: this.shard.outbox, hub, nowMs: () => this.nowMs, random: () => 0.5 }).run(20_000);
  }

  async drain(): Promise<void> {
    this.hub.mood = 'well';
    for (let i = 0; i < 20 && this.shard.status().pendingEvents > 0; i += 1) {
      this.nowMs += 40_000;
      await this.flush();
    }
    expect(this.shard.status().pendingEvents).toBe(0);
    expect(this.wake().status()).toMatchObject({ pendingEvents: 0, outboxBytes: 0, ackedSeq: this.hub.log.size });
  }
}

const event: fc.Arbitrary<Planned> = fc
  .record({
    kind: fc.constantFrom('impression' as const, 'click' as const, 'click' as const),
    number: fc.integer({ min: 0, max: 12 }),
    viewer: fc.constantFrom('a', 'b', undefined),
    impression: fc.option(fc.integer({ min: 0, max: 12 }), { nil: undefined }),
    atS: fc.integer({ min: -90_000, max: 90_000 }),
    lateS: fc.constantFrom(0, 0, 0, 45, 3_600, 90_000),
  })
  .map(({ kind, number, viewer, impression, atS, lateS }) => ({
    kind,
    id: kind === 'impression' ? `i${number}` : `c${number}`,
    atMs: T + atS * 1_000,
    receivedAtMs: T + (atS + lateS) * 1_000,
    ...(viewer === undefined ? {} : { viewer }),
    ...(impression === undefined || kind === 'impression' ? {} : { impression: `i${impression}` }),
  }));

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('record' as const), events: fc.array(event, { minLength: 1, maxLength: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('die' as const), events: fc.array(event, { minLength: 1, maxLength: 3 }) }) },
  { weight: 2, arbitrary: fc.constant({ do: 'wake' as const }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('flush' as const),
      waitMs: fc.integer({ min: 0, max: 3_000 }),
      mood: fc.constantFrom<Mood>('well', 'well', 'down', 'ack_lost', 'garbage', 'frame_gap'),
    }),
  },
);

describe('a shard', () => {
  test('whatever dies, sleeps, is checkpointed or not acknowledged in between, counts as one that was never disturbed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const life = new Life(TINY);
        const undisturbed = new Life(DEFAULT_MEMORY_LIMITS);
        for (const each of steps) {
          life.nowMs += 10;
          if (each.do === 'record') expect(life.record(each.events)).toEqual(undisturbed.record(each.events));
          else if (each.do === 'die') life.recordAndDie(each.events);
          else if (each.do === 'wake') life.wake();
          else {
            life.nowMs += each.waitMs;
            life.hub.mood = each.mood;
            await life.flush();
          }
        }
        await life.drain();
        await undisturbed.drain();
        expect(life.hub.complaints).toEqual([]);
        expect(life.hub.rawEventIds()).toEqual(undisturbed.hub.rawEventIds());
        expect(life.hub.counts()).toEqual(undisturbed.hub.counts());
        expect(life.hub.billable()).toBe(undisturbed.hub.billable());
        expect(life.hub.ledger()).toEqual(undisturbed.hub.ledger());
      }),
      { numRuns: 150 },
    );
  });

  test('deletes log rows once they are in a frame and in the cold pages, and still knows every id', async () => {
    const life = new Life(TINY);
    for (let i = 0; i < 20; i += 1) life.record([{ id: `c${i}`, atMs: T + i }]);
    await life.drain();
    life.record([{ id: 'last', atMs: T }]);
    expect(life.shard.status().logRows).toBeLessThan(TINY.checkpointEntries + 1);
    life.wake();
    for (let i = 0; i < 20; i += 1) expect(life.record([{ id: `c${i}`, atMs: T + i }])).toEqual([2]);
  });

  test('says in each frame how many events are committed and not yet in one', async () => {
    const life = new Life(DEFAULT_MEMORY_LIMITS);
    const heavy = (count: number, name: string) => Array.from({ length: count }, (_, i) => ({ id: `${name}${i}`, atMs: T, userAgent: `${name}${i}`.padEnd(60_000) }));
    life.record(heavy(20, 'a'));
    life.record([...heavy(19, 'b'), { id: 'c', atMs: T }]);
    life.record([{ id: 'd', atMs: T }]);
    await life.drain();
    const seen = life.hub.deliveries.map(({ header }) => [header.seq, header.rawEvents, header.pendingEvents]);
    expect(seen).toEqual([[1, 20, 20], [2, 21, 0]]);
  });

  test('in an hour without its hub seals few large frames, keeps order, and catches up', async () => {
    const life = new Life(DEFAULT_MEMORY_LIMITS);
    life.hub.mood = 'down';
    const agent = 'Mozilla/5.0 '.repeat(20);
    let sent = 0;
    for (let second = 0; second < 300; second += 1) {
      life.nowMs += 1_000;
      life.record(Array.from({ length: 100 }, (_, i) => ({ id: `c${second}.${i}`, atMs: T, userAgent: `${agent}${second}.${i}` })));
      sent += 100;
      await life.flush();
    }
    const behind = life.shard.status();
    expect(behind).toMatchObject({ ackedSeq: 0, pendingEvents: sent });
    expect(behind.sealedSeq).toBeLessThan(20);
    life.wake();
    await life.drain();
    expect(life.hub.counts()).toEqual({ counted: sent });
    expect(life.hub.complaints).toEqual([]);
  });

  test('that takes in a month of history after another keeps in RAM what the later one can reach, and no more once it wakes', () => {
    const life = new Life({ ...DEFAULT_MEMORY_LIMITS, checkpointEntries: 5_000 });
    const month = (ids: string, fromMs: number, stepMs: number) => {
      for (let from = 0; from < 20_000; from += 1_000) {
        life.record(Array.from({ length: 1_000 }, (_, i) => ({ kind: 'impression' as const, id: `${ids}${from + i}`, atMs: fromMs + (from + i) * stepMs })));
      }
      return life.shard.status().memoryEntries;
    };
    expect(month('a', T - 90 * DAY_MS, 1)).toBe(40_000);
    expect(month('b', T - 60 * DAY_MS, 30 * DAY_MS / 20_000)).toBeLessThan(20_000);
    expect(month('c', T - 30 * DAY_MS, 1)).toBeLessThan(45_000);
    expect(life.wake().status().memoryEntries).toBeLessThan(45_000);
    expect(life.record(['a0', 'b19999', 'c0'].map((id, i) => ({ kind: 'impression' as const, id, atMs: T - [90 * DAY_MS, 30 * DAY_MS - 130_000, 30 * DAY_MS][i]! })))).toEqual([2, 2, 2]);
  });

  describe('that thousands of clicks of one impression meet', () => {
    const HIGHEST_PRICE = 1_000_000_000;
    const clicks = (from: number, count: number): Planned[] =>
      Array.from({ length: count }, (_, i) => ({ id: longId(from + i), impression: 'i', price: HIGHEST_PRICE, atMs: T }));
    const impression: Planned[] = [{ kind: 'impression', id: 'i', price: HIGHEST_PRICE, atMs: T }];

    test('sends what they cost to the last thousandth, though it is more than a number holds', async () => {
      const life = new Life(DEFAULT_MEMORY_LIMITS);
      life.record(impression);
      for (let from = 0; from < 20_000; from += 1_000) life.record(clicks(from, 1_000));
      life.wake();
      await life.drain();
      expect([life.hub.billable(), life.hub.costNanos()]).toEqual([20_000, 20_000n * 10n ** 12n]);
    });

    test('wakes as many of them as a commit holds, and goes on', async () => {
      const life = new Life(DEFAULT_MEMORY_LIMITS);
      for (let from = 0; from < 50_000; from += 1_000) life.record(clicks(from, 1_000));
      expect(life.record(impression)).toHaveLength(1);
      life.wake();
      expect(life.record(clicks(50_000, 1))).toHaveLength(1);
      await life.drain();
      const billable = life.hub.billable();
      expect(billable).toBeGreaterThan(5_000);
      expect(billable).toBeLessThan(50_000);
      expect(life.hub.costNanos()).toBe(BigInt(billable) * 10n ** 12n);
      expect(life.hub.complaints).toEqual([]);
    });
  });

  test('a reset storage begins a later epoch', () => {
    const life = new Life(DEFAULT_MEMORY_LIMITS);
    const reset = new Shard({ sql: nodeSql(new DatabaseSync(':memory:')), place: PLACE, nowMs: T + 1 });
    expect(reset.status().epoch).toBeGreaterThan(life.shard.status().epoch);
  });
});

test.each(['', 'live', 'live.us', 'live.us.e0.3', 'dead.us.e0.3.0', 'live..e0.3.0'])('"%s" is no shard\'s name', (name) => {
  expect(() => shardPlace(name)).toThrow('not a shard');
});

test('a shard knows its place by its name, that of an edge\'s tallies included', () => {
  expect(shardPlace('replay.eu.e12.3.63')).toEqual({ shard: 'replay.eu.e12.3.63', source: 'replay', region: 'eu' });
  expect(shardPlace('live.us-west.1.e0.edge.0')).toMatchObject({ source: 'live', region: 'us-west.1' });
});
