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

test('a commit that breaks throws the object away', () => {
  const { keeper, aborts, clock } = keeperWith(unreachableHub);
  clock.nowMs = Number.NaN;
  expect(() => keeper.record(batchOf([{ id: 'a', atMs: T }]))).toThrow();
  expect(aborts).toEqual(['a commit failed']);
});
