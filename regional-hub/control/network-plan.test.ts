import { expect, test } from 'vitest';
import { ANNOUNCED_LEAD_MS } from '../../core/routing.ts';
import { openControlDatabase } from './control-database.ts';
import { adoptPlan } from './network-plan.ts';
import { readSetting } from './settings-store.ts';

const T = Date.UTC(2026, 9, 1);
const FIRST = { epoch: 0, sinceMs: 0, shards: 4 };
const planOf = (...shardEpochs: { epoch: number; sinceMs: number; shards: number }[]) => ({ regions: ['us'], shardEpochs });

test('a first plan is taken as it is; the same again tells edges nothing new', () => {
  const database = openControlDatabase(':memory:');
  adoptPlan(database, planOf(FIRST, { epoch: 1, sinceMs: T - 5, shards: 8 }), T);
  expect(readSetting(database, 'snapshotIssuedAtMs')).toBe(T);
  adoptPlan(database, planOf(FIRST, { epoch: 1, sinceMs: T - 5, shards: 8 }), T + 1_000);
  expect(readSetting(database, 'snapshotIssuedAtMs')).toBe(T);
});

// announced        begins
// t   0 ─────────── 15 min
test('a new shard count is announced ahead, and a later snapshot says so', () => {
  const database = openControlDatabase(':memory:');
  adoptPlan(database, planOf(FIRST), T);
  expect(() => adoptPlan(database, planOf(FIRST, { epoch: 1, sinceMs: T + ANNOUNCED_LEAD_MS - 1, shards: 8 }), T)).toThrow('at least 15 minutes from now');
  expect(readSetting(database, 'plan')).toEqual(planOf(FIRST));
  const second = { epoch: 1, sinceMs: T + 1_000 + ANNOUNCED_LEAD_MS, shards: 8 };
  adoptPlan(database, planOf(FIRST, second), T + 1_000);
  expect(readSetting(database, 'plan')).toEqual(planOf(FIRST, second));
  expect(readSetting(database, 'snapshotIssuedAtMs')).toBe(T + 1_000);
});

test.each([
  ['another count', planOf({ ...FIRST, shards: 8 })],
  ['another time', planOf({ ...FIRST, sinceMs: 1 })],
  ['another number', planOf({ ...FIRST, epoch: 1 })],
  ['none of it', planOf()],
])('what edges were told stands: %s is refused', (_, changed) => {
  const database = openControlDatabase(':memory:');
  adoptPlan(database, planOf(FIRST), T);
  expect(() => adoptPlan(database, changed, T + 3_600_000)).toThrow('must keep epoch 0');
});

test('regions may be added; the first one, where ads that name none are counted, stays the first', () => {
  const database = openControlDatabase(':memory:');
  const withRegions = (...regions: string[]) => ({ ...planOf(FIRST), regions });
  adoptPlan(database, withRegions('us', 'eu'), T);
  adoptPlan(database, withRegions('us', 'ap', 'eu'), T);
  expect(() => adoptPlan(database, withRegions('eu', 'us', 'ap'), T)).toThrow('must go on to begin with us');
});
