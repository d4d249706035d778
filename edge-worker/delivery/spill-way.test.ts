import { beforeEach, describe, expect, test } from 'vitest';
import type { RequestScope } from '../ports.ts';
import { MAX_PARKED_BYTES, SpillWay } from './spill-way.ts';

const T = 1_700_000_000_000;
const batch = (bytes = 10) => new Uint8Array(bytes);

/** A spill object that is away or not, and requests whose sleeps end when the test says so. */
class Rig {
  nowMs = T;
  isAway = true;
  /** Shards whose object stays away. */
  readonly broken = new Set<string>();
  readonly held: string[] = [];
  readonly logged: string[] = [];
  readonly way = new SpillWay({ hold: (shard) => this.#hold(shard) }, (message) => this.logged.push(message));
  #sleepers: (() => void)[] = [];

  /** A request; one that dies never wakes from a sleep. */
  scope(request: { dies?: boolean } = {}): RequestScope {
    return {
      arrivedAtMs: this.nowMs,
      clock: { nowMs: () => this.nowMs },
      canBeWoken: true,
      sleep: () => new Promise((resolve) => void (request.dies !== true && this.#sleepers.push(resolve))),
      after: () => undefined,
      waitUntil: () => undefined,
    };
  }

  /** `forMs` pass, a second at a time, and everybody who sleeps wakes each time. */
  async pass(forMs: number): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    for (let passedMs = 0; passedMs < forMs; passedMs += 1_000) {
      this.nowMs += 1_000;
      for (const wake of this.#sleepers.splice(0)) wake();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async #hold(shard: string): Promise<void> {
    if (this.isAway || this.broken.has(shard)) throw new Error('away');
    this.held.push(shard);
  }
}

let r: Rig;
beforeEach(() => {
  r = new Rig();
});

describe('a spill object that is away', () => {
  test('takes what waited in memory when it is back, each batch once', async () => {
    for (const shard of ['a', 'b', 'c']) expect(await r.way.hold(shard, batch(), 'batch', r.scope())).toEqual({ kind: 'failed' });
    await r.pass(10_000);
    expect(r.way.counts).toEqual({ spilled: 0, lost: 0, parked: 3 });
    r.isAway = false;
    await r.pass(2_000);
    expect([r.held.toSorted(), r.way.counts]).toEqual([['a', 'b', 'c'], { spilled: 3, lost: 0, parked: 0 }]);
  });

  test('is waited for longer than a request lives: the next one carries on', async () => {
    await r.way.hold('a', batch(), 'batch', r.scope());
    await r.pass(60_000);
    r.isAway = false;
    await r.pass(5_000);
    expect(r.way.counts.parked).toBe(1);
    r.way.carryOn(r.scope());
    await r.pass(2_000);
    expect([r.held, r.way.counts.parked]).toEqual([['a'], 0]);
  });

  test('and by another request where the one that carried has died', async () => {
    await r.way.hold('a', batch(), 'batch', r.scope({ dies: true }));
    r.isAway = false;
    r.way.carryOn(r.scope());
    await r.pass(30_000);
    expect(r.held).toEqual([]);
    await r.pass(15_000);
    r.way.carryOn(r.scope());
    await r.pass(1_000);
    expect(r.held).toEqual(['a']);
  });

  test('holds up nobody whose object is there', async () => {
    r.broken.add('broken');
    for (let i = 0; i < 40; i++) await r.way.hold(i < 20 ? 'broken' : `s${i}`, batch(), 'batch', r.scope());
    r.isAway = false;
    await r.pass(5_000);
    expect([r.held.length, r.way.counts.parked]).toEqual([20, 20]);
  });
});

test('memory is bounded: what finds no room is counted and logged as lost, and room that came free is used again', async () => {
  await r.way.hold('a', batch(MAX_PARKED_BYTES), 'batch', r.scope());
  await r.way.hold('b', batch(1), 'batch', r.scope());
  expect([r.way.counts, r.logged.length]).toEqual([{ spilled: 0, lost: 1, parked: 1 }, 1]);
  r.isAway = false;
  await r.pass(2_000);
  r.isAway = true;
  await r.way.hold('c', batch(MAX_PARKED_BYTES), 'batch', r.scope());
  expect(r.way.counts).toEqual({ spilled: 1, lost: 1, parked: 1 });
});
