import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import type { SendOutcome } from './hub-client.ts';
import { nodeSql } from './node-sql.ts';
import { ShardKeeper } from './shard-keeper.ts';
import { shardPlace } from './shard-place.ts';
import { batchOf } from './testing/batches.ts';

const T = Date.UTC(2026, 10, 1);

/** A keeper whose alarms are in the test's hands. */
function keeperWith(send: () => Promise<SendOutcome>) {
  const alarms: number[] = [];
  const aborts: string[] = [];
  const clock = { nowMs: T };
  const keeper = new ShardKeeper({
    sql: nodeSql(new DatabaseSync(':memory:')),
    place: shardPlace('live.us.e0.1.0'),
    hub: { send },
    nowMs: () => clock.nowMs,
    random: () => 0.5,
    setAlarm: (atMs) => alarms.push(atMs),
    abort: (what) => aborts.push(what),
    log: () => undefined,
  });
  return { keeper, alarms, aborts, clock };
}

const unreachableHub = async (): Promise<SendOutcome> => ({ kind: 'failed', message: 'nobody there' });

// t (s)   0 ──── 1 ────── 30 ────────── 62
// events  x                x             x
// alarms      set for 1,   not again:    overdue by a minute:
//             never rung   it may come   set anew
test('an alarm that is overdue by a minute is taken for lost, and the next event sets another', () => {
  const { keeper, alarms, clock } = keeperWith(unreachableHub);
  keeper.record(batchOf([{ id: 'a', atMs: clock.nowMs }]));
  expect(alarms).toEqual([T + 1_000]);
  clock.nowMs = T + 30_000;
  keeper.record(batchOf([{ id: 'b', atMs: clock.nowMs }]));
  expect(alarms).toHaveLength(1);
  clock.nowMs = T + 62_000;
  keeper.record(batchOf([{ id: 'c', atMs: clock.nowMs }]));
  expect(alarms).toHaveLength(2);
});

test('a flush that fails arms the alarm again', async () => {
  const { keeper, alarms, clock } = keeperWith(unreachableHub);
  keeper.record(batchOf([{ id: 'a', atMs: clock.nowMs }]));
  clock.nowMs = T + 1_000;
  await keeper.alarm();
  expect(alarms.at(-1)).toBeGreaterThan(clock.nowMs);
  expect(keeper.status()).toMatchObject({ pendingEvents: 1, lastFailure: 'nobody there' });
});

const NAME = 'AAECAwQFBgc';

test('a batch that was given up and spilled is recorded once, whichever of its copies comes first', () => {
  const { keeper } = keeperWith(unreachableHub);
  const batch = batchOf([{ id: 'a', atMs: T }, { id: 'a', atMs: T }]);
  expect(keeper.record(batch, NAME)).toHaveLength(2);
  keeper.recordOnce({ queue: 'q', seq: 1, batchId: NAME }, batch);
  keeper.recordOnce({ queue: 'q', seq: 2, batchId: 'AAECAwQFBgg' }, batch);
  expect(keeper.record(batch, 'AAECAwQFBgg')).toHaveLength(0);
  keeper.recordOnce({ queue: 'other', seq: 1, batchId: 'AAECAwQFBgg' }, batch);
  expect(keeper.status()).toMatchObject({ rows: 2, pendingEvents: 4 });
});

test('a name that no edge gives is refused, and nothing is stored', () => {
  const { keeper, aborts } = keeperWith(unreachableHub);
  for (const name of ['short', 'AAECAwQFBgcI', '!!!!!!!!!!!']) expect(() => keeper.record(batchOf([{ id: 'a', atMs: T }]), name)).toThrow('8 bytes');
  expect([keeper.status().rows, aborts]).toEqual([0, []]);
});

test('a commit that breaks throws the object away', () => {
  const { keeper, aborts, clock } = keeperWith(unreachableHub);
  clock.nowMs = Number.NaN;
  expect(() => keeper.record(batchOf([{ id: 'a', atMs: T }]))).toThrow();
  expect(aborts).toEqual(['a commit failed']);
});
