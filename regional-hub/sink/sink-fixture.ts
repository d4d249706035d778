import { setTimeout as wait } from 'node:timers/promises';
import { expect } from 'vitest';
import type { ClickHouseStore } from '../adapters/clickhouse-store.ts';
import type { DeltaLog } from '../log/delta-log.ts';
import type { SampleFact, SampleFrame } from './sample-frames.ts';
import type { SinkEvents } from './sink-deps.ts';
import { startSink, type SinkOptions } from './sink.ts';
import type { SinkStore } from './sink-store.ts';

/** What a sink under test said. */
export type Heard = { readonly events: string[]; readonly errors: unknown[] };

/** Starts a sink with a real clock, and keeps what it says. */
export async function startTestSink(log: DeltaLog, store: SinkStore, options: Partial<SinkOptions> = {}): Promise<Heard> {
  const heard: Heard = { events: [], errors: [] };
  const events: SinkEvents = {
    rangeStored: ({ topic, frames }) => heard.events.push(`stored ${topic} ${frames}`),
    frameRepeated: ({ topic, shard, seq }) => heard.events.push(`repeat ${topic} ${shard} ${seq}`),
    shardHalted: ({ topic, shard, seq, verdict }) => heard.events.push(`${verdict} ${topic} ${shard} ${seq}`),
    rangeFailed: ({ error }) => heard.errors.push(error),
  };
  await startSink(log, {
    store,
    clock: { nowMs: () => Date.now() },
    sleep: (delayMs, signal) => wait(delayMs, undefined, { signal }).catch(() => undefined),
    random: () => 0,
    events,
    intervalMs: 50,
    ...options,
  });
  return heard;
}

/** Resolves when everything appended is in the store. */
export async function caughtUp(log: DeltaLog, withinMs = 30_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while ((await log.lag()).some(({ endOffset, finishedOffset }) => endOffset !== finishedOffset)) {
    if (Date.now() > deadline) throw new Error('the sink did not catch up');
    await wait(20);
  }
}

/** Counts by ad, hour, kind and disposition, and money, as text: `ad hour kind disposition count cost`. */
export type Totals = readonly string[];

/** The truth, added up without any table. */
export function totalsOf(facts: readonly SampleFact[]): Totals {
  const cells = new Map<string, { count: number; cost: number }>();
  for (const fact of facts) {
    const key = `${fact.adId} ${Math.floor(fact.second / 3_600) * 3_600} ${fact.kind} ${fact.disposition}`;
    const cell = cells.get(key) ?? { count: 0, cost: 0 };
    cells.set(key, { count: cell.count + 1, cost: cell.cost + fact.costNanos });
  }
  return [...cells].map(([key, { count, cost }]) => `${key} ${count} ${cost}`).sort();
}

/** Viewers of counted events. */
export function viewersOf(facts: readonly SampleFact[]): number {
  return new Set(facts.filter((fact) => fact.disposition === 'counted').map((fact) => fact.viewer)).size;
}

/** What each table says: `rollup_1d` by day is compared by sums alone. */
export async function storedTotals(store: ClickHouseStore, table: 'deltas' | 'rollup_1m' | 'rollup_1h' | 'raw_events'): Promise<Totals> {
  const time = table === 'deltas' ? 'second' : table === 'raw_events' ? 'event_time' : 'window';
  const count = table === 'raw_events' ? 'count()' : 'sum(count)';
  const rows = await query<[string]>(
    store,
    `SELECT concatWithSeparator(' ', ad_id, toString(toUnixTimestamp(toStartOfHour(${time}))), kind, disposition, toString(${count}), toString(sum(cost_nanos)))
     FROM edgetally.${table} GROUP BY ad_id, toStartOfHour(${time}), kind, disposition`,
  );
  return rows.map(([line]) => line).sort();
}

/** One line a table, summed over everything: what a doubled or lost view block would change. */
export async function storedSums(store: ClickHouseStore): Promise<Record<string, string>> {
  const sums: Record<string, string> = {};
  for (const table of ['deltas', 'rollup_1m', 'rollup_1h', 'rollup_1d']) {
    const rows = await query<string[]>(store, `SELECT sum(count), sum(billable), sum(cost_nanos), uniqCombined64Merge(17)(users) FROM edgetally.${table}`);
    sums[table] = rows[0]!.join(' ');
  }
  return sums;
}

export function factsOf(frames: readonly SampleFrame[]): SampleFact[] {
  return frames.flatMap((frame) => frame.facts);
}

/** Every table says exactly what the facts say. */
export async function expectExact(store: ClickHouseStore, facts: readonly SampleFact[]): Promise<void> {
  const truth = totalsOf(facts);
  for (const table of ['deltas', 'rollup_1m', 'rollup_1h', 'raw_events'] as const) expect(await storedTotals(store, table), table).toEqual(truth);
  const sums = await storedSums(store);
  for (const table of Object.keys(sums)) expect(sums[table], table).toBe(sums['deltas']);
  const counted = facts.filter((fact) => fact.disposition === 'counted');
  const [raw] = await query<[string, string]>(store, "SELECT count(), uniqExactIf(viewer, disposition = 'counted' AND viewer != 0) FROM edgetally.raw_events");
  expect(raw).toEqual([String(facts.length), String(viewersOf(counted))]);
}

/** Rows as arrays. */
export async function query<Row>(store: ClickHouseStore, sql: string): Promise<Row[]> {
  return (await store.client.query({ query: sql, format: 'JSONCompactEachRow' })).json<Row>() as Promise<Row[]>;
}
