import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mixAll } from './mix64.ts';
import { Uniques, viewerStates } from './uniques.ts';

/** What the real engine makes of our states, and we of its. */
type Session = { query(sql: string, format: string): string; cleanup(): void };

let path: string;
let session: Session;

beforeAll(() => {
  path = mkdtempSync(join(tmpdir(), 'edgetally-sketch-'));
  const { Session } = createRequire(import.meta.url)('chdb') as { Session: new (path: string) => Session };
  session = new Session(path);
});

afterAll(() => {
  session.cleanup();
  rmSync(path, { recursive: true, force: true });
});

const ask = (sql: string): string => session.query(sql, 'TabSeparated').trim();
const hex = (state: Uint8Array): string => Buffer.from(state).toString('hex').toUpperCase();

/** Viewer n of set `seed`: arithmetic that engine and test can both do. */
const viewerSql = (seed: number): string => `bitXor((number + 1) * toUInt64(11400714819323198485), toUInt64(${seed}))`;

function viewers(count: number, seed: number): Uint32Array {
  const hashes = BigUint64Array.from({ length: count }, (_, n) => BigInt.asUintN(64, BigInt(n + 1) * 11400714819323198485n) ^ BigInt(seed));
  return new Uint32Array(hashes.buffer);
}

/** The state of one cell that these have been in. */
const viewersToState = (pairs: Uint32Array): Uint8Array => viewerStates(Uint32Array.of(pairs.length / 2), pairs);

function uniquesOf(pairs: Uint32Array): Uniques {
  const uniques = new Uniques();
  for (let i = 0; i < pairs.length; i += 2) uniques.add(pairs[i]!, pairs[i + 1]!);
  return uniques;
}

const engineState = (count: number, seed: number): string => ask(`SELECT hex(uniqCombined64State(17)(${viewerSql(seed)})) FROM numbers(${count}) SETTINGS max_threads = 1`);
const asState = (state: Uint8Array): string => `CAST(unhex('${hex(state)}') AS AggregateFunction(uniqCombined64(17), UInt64))`;
const mergedByEngine = (states: Uint8Array[]): number =>
  Number(ask(`SELECT uniqCombined64Merge(17)(state) FROM (${states.map((state) => `SELECT ${asState(state)} AS state`).join(' UNION ALL ')}) SETTINGS max_query_size = 10000000`));
const countedByEngine = (count: number, seed: number): number => Number(ask(`SELECT uniqCombined64(17)(${viewerSql(seed)}) FROM numbers(${count})`));

describe('states', () => {
  test.each([0, 1, 15, 16, 4_097, 10_000, 200_000])('of %i viewers are the engine’s, byte for byte', (count) => {
    expect(hex(uniquesOf(viewers(count, 1)).toState())).toBe(engineState(count, 1));
    expect(hex(viewersToState(viewers(count, 1)))).toBe(engineState(count, 1));
  });

  // between 17 and 4 096 the engine writes its hash table in table order, we ascending: the same set in the same length
  test.each([17, 100, 127, 128, 300, 1_000, 4_096])('of %i viewers hold the engine’s hashes', (count) => {
    const theirs = Uint8Array.from(Buffer.from(engineState(count, 2), 'hex'));
    const ours = uniquesOf(viewers(count, 2)).toState();
    expect(theirs.length).toBe(ours.length);
    expect(hex(Uniques.fromState(theirs).toState())).toBe(hex(Uniques.fromState(ours).toState()));
    expect(hex(sortedHashes(theirs))).toBe(hex(ours));
  });

  test.each([1, 16, 17, 4_096, 4_097, 100_000])('of %i viewers, read back from the engine, are ours', (count) => {
    const back = Uniques.fromState(Buffer.from(engineState(count, 3), 'hex'));
    expect(back.estimate()).toBe(uniquesOf(viewers(count, 3)).estimate());
  });
});

describe('merging in the engine', () => {
  test.each([
    [1, 1],
    [10, 10],
    [10, 300],
    [300, 2_000],
    [10, 5_000],
    [2_000, 60_000],
    [60_000, 60_000],
  ])('our states of %i and %i viewers is counting the viewers themselves', (left, right) => {
    const all = viewers(left + right, 4);
    const states = [viewersToState(all.subarray(0, left * 2)), viewersToState(all.subarray(left * 2))];
    expect(mergedByEngine(states)).toBe(countedByEngine(left + right, 4));
    expect(mergedByEngine(states.reverse())).toBe(countedByEngine(left + right, 4));
  });

  test('hundreds of one-viewer cells is counting their viewers', () => {
    const all = viewers(299, 5);
    const cells = Array.from({ length: 299 }, (_, n) => viewersToState(all.subarray(n * 2, n * 2 + 2)));
    expect(mergedByEngine([...cells, ...cells])).toBe(299);
  });

  test('our states with the engine’s own is counting all of them', () => {
    const rows = `SELECT ${asState(viewersToState(viewers(4_500, 6)))} AS state UNION ALL SELECT uniqCombined64State(17)(${viewerSql(6)}) FROM numbers(5000)`;
    expect(Number(ask(`SELECT uniqCombined64Merge(17)(state) FROM (${rows}) SETTINGS max_query_size = 10000000`))).toBe(countedByEngine(5_000, 6));
  });
});

// 100 random sets of each size, counted by the engine: exact under 300, within 2 % at p99 from 1 000 on
test.each([
  [299, 0],
  [1_000, 0.02],
  [5_000, 0.02],
  [30_000, 0.02],
  [170_000, 0.02],
  [330_000, 0.02],
])('the engine counts %i viewers with an error of %d at p99', (count, bound) => {
  const sql = `SELECT uniqCombined64(17)(sipHash64(viewers.number, sets.number)) FROM numbers(${count}) AS viewers CROSS JOIN numbers(100) AS sets GROUP BY sets.number`;
  const errors = ask(sql)
    .split('\n')
    .map((line) => Math.abs(Number(line) - count) / count)
    .sort((a, b) => a - b);
  console.log(`${count} viewers in the engine: error p50 ${(100 * errors[49]!).toFixed(2)} %, p99 ${(100 * errors[98]!).toFixed(2)} %`);
  expect(errors).toHaveLength(100);
  expect(errors[98]).toBeLessThanOrEqual(bound);
});

test('the engine’s hash of a viewer is our mixer', () => {
  const mixed = BigUint64Array.of(1n);
  mixAll(mixed);
  expect(engineState(1, 0)).not.toBe('');
  expect(ask('SELECT hex(uniqCombined64State(17)(toUInt64(1)))')).toBe(`0101${hex(new Uint8Array(mixed.buffer))}`);
});

function sortedHashes(state: Uint8Array): Uint8Array {
  const at = state[1]! < 0x80 ? 2 : 3;
  const sorted = state.slice();
  sorted.set(new Uint8Array(new BigUint64Array(state.slice(at).buffer).sort().buffer), at);
  return sorted;
}
