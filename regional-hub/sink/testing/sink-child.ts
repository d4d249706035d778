import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { migrate } from '../../adapters/clickhouse-migrate.ts';
import { ClickHouseSinkStore } from '../../adapters/clickhouse-sink-store.ts';
import { openStore } from '../../adapters/clickhouse-store.ts';
import { createSqliteDeltaLog } from '../../adapters/sqlite-delta-log.ts';
import { openLogDatabase } from '../../adapters/sqlite-log-database.ts';
import { WorkerRangeEncoder } from '../../adapters/worker-range-encoder.ts';
import { DEFAULT_RANGE_LIMITS } from '../range-plan.ts';
import { startSink } from '../sink.ts';

/**
 * A hub's sink and nothing else, over the folder in the first argument, for tests that kill it: small ranges, `insert` before and after each
 * one, `done` when the log is carried over.
 */
const dir = process.argv[2] ?? '.';
const log = createSqliteDeltaLog({ database: openLogDatabase(join(dir, 'log.sqlite')), clock: { nowMs: () => Date.now() } });
const store = openStore({ kind: 'embedded', dataDir: join(dir, 'clickhouse') });
await migrate(store, Date.now());
const real = new ClickHouseSinkStore({ store });
const say = (line: string): boolean => process.stdout.write(`${line}\n`);

await startSink(log, {
  store: {
    watermarks: (partition, offset) => real.watermarks(partition, offset),
    presence: (range) => real.presence(range),
    noteOverdue: (range, landedAtMs) => real.noteOverdue(range, landedAtMs),
    insert: (range, block) => (say(`insert ${block.table}`), real.insert(range, block)),
  },
  clock: { nowMs: () => Date.now() },
  sleep: (delayMs, signal) => wait(delayMs, undefined, { signal }).catch(() => undefined),
  random: Math.random,
  events: { rangeStored: () => {}, frameRepeated: () => {}, shardHalted: () => {}, rangeFailed: ({ error }) => say(`failed ${String(error)}`) },
  encoder: new WorkerRangeEncoder(),
  limits: { ...DEFAULT_RANGE_LIMITS, maxFrames: 2 },
  intervalMs: 0,
});
while ((await log.lag()).some(({ endOffset, finishedOffset }) => endOffset !== finishedOffset)) await wait(20);
await log.close();
await store.close();
say('done');
