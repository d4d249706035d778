import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { migrate } from '../adapters/clickhouse-migrate.ts';
import { ClickHouseSinkStore } from '../adapters/clickhouse-sink-store.ts';
import type { ClickHouseStore } from '../adapters/clickhouse-store.ts';
import { createSqliteDeltaLog } from '../adapters/sqlite-delta-log.ts';
import { openLogDatabase } from '../adapters/sqlite-log-database.ts';
import type { DeltaLog } from '../log/delta-log.ts';
import { MINUTE_MS } from '../../core/time.ts';
import { mulberry32 } from '../../schemas/testing/mulberry32.ts';
import { sampleFrames } from './sample-frames.ts';
import { caughtUp, expectExact, factsOf, query, startTestSink, type Heard } from './sink-fixture.ts';
import type { SinkStore } from './sink-store.ts';
import { DEFAULT_INTERVAL_MS, type SinkOptions } from './sink.ts';

/** What every store must hold to under the sink; `open` gives the store, `dir` is for logs, `options` are for every life of the sink. */
export function sinkContract(name: string, dir: string, open: () => ClickHouseStore, options: Partial<SinkOptions> = {}): void {
const live = (path: string, sinkStore: SinkStore, more: Partial<SinkOptions> = {}) => startLife(path, sinkStore, { ...options, ...more });
describe(`the sink, ${name}`, () => {
  it('carries every frame into every table, exactly', async () => {
    const { path, sinkStore } = await fresh(open(), dir);
    const frames = sampleFrames(6, 5, 200);
    const hub = await live(path, sinkStore);
    for (const frame of frames) await hub.log.appendBatch(frame.records);
    await caughtUp(hub.log);
    await hub.end();
    await expectExact(open(), factsOf(frames));
    expect(hub.errors).toEqual([]);
    const [ledger] = await query<string[]>(open(), "SELECT sumIf(count, stage = 'edge'), sumIf(count, stage = 'hub') FROM edgetally.ledger");
    expect(ledger).toEqual(['6000', '6000']);
  });

  it('drops frames that were appended twice, in one range or after a restart', async () => {
    const { path, sinkStore } = await fresh(open(), dir);
    const frames = sampleFrames(3, 4, 50);
    const first = await live(path, sinkStore);
    for (const frame of frames.slice(0, 6)) await first.log.appendBatch([...frame.records, ...frame.records]);
    await caughtUp(first.log);
    await first.end();
    const second = await live(path, sinkStore);
    for (const frame of frames.slice(3)) await second.log.appendBatch(frame.records);
    await caughtUp(second.log);
    await second.end();
    await expectExact(open(), factsOf(frames));
    expect(second.events.filter((event) => event.startsWith('repeat deltas'))).toHaveLength(3);
  });

  it('stores nothing again when the log has lost its place', async () => {
    const { path, sinkStore } = await fresh(open(), dir);
    const frames = sampleFrames(3, 4, 50);
    const first = await live(path, sinkStore);
    for (const frame of frames.slice(0, 9)) await first.log.appendBatch(frame.records);
    await caughtUp(first.log);
    await first.end();
    const database = openLogDatabase(path);
    database.sqlite.exec('DELETE FROM positions');
    await database.close();
    const second = await live(path, sinkStore);
    for (const frame of frames.slice(9)) await second.log.appendBatch(frame.records);
    await caughtUp(second.log);
    await second.end();
    await expectExact(open(), factsOf(frames));
    expect(second.events.filter((event) => event.startsWith('repeat deltas'))).toHaveLength(9);
  });

  it('inserts nothing behind a gap, says so, and goes on with other shards', async () => {
    const { path, sinkStore } = await fresh(open(), dir);
    const frames = sampleFrames(2, 4, 50);
    const lostOne = frames.filter((frame) => !(frame.shard === 'live.us.e0.0.0' && frame.seq === 2));
    const hub = await live(path, sinkStore);
    for (const frame of lostOne) await hub.log.appendBatch(frame.records);
    await caughtUp(hub.log);
    expect(hub.events.filter((event) => event.startsWith('gap')).sort()).toEqual([
      'gap deltas live.us.e0.0.0 3',
      'gap deltas live.us.e0.0.0 4',
      'gap raw-events live.us.e0.0.0 3',
      'gap raw-events live.us.e0.0.0 4',
    ]);
    await expectExact(open(), factsOf(frames.filter((frame) => frame.shard !== 'live.us.e0.0.0' || frame.seq === 1)));
    for (const frame of frames.filter(({ shard, seq }) => shard === 'live.us.e0.0.0' && seq > 1)) await hub.log.appendBatch(frame.records);
    await caughtUp(hub.log);
    await hub.end();
    await expectExact(open(), factsOf(frames));
  });

  it('is exact when every insert may fail before it, after it, or between tables, and the process may end there', async () => {
    const { path, sinkStore } = await fresh(open(), dir);
    const frames = sampleFrames(4, 12, 60);
    const random = mulberry32(42);
    const flaky = inserting(sinkStore, async (range, block) => {
      const fate = random();
      if (fate < 0.15) throw new Error('refused before it was executed');
      await sinkStore.insert(range, block);
      if (fate < 0.3) throw new Error('executed, and the answer lost');
    });
    let sent = 0;
    let failures = 0;
    while (sent < frames.length) {
      const hub = await live(path, flaky);
      const batch = frames.slice(sent, sent + 8);
      for (const frame of batch) await hub.log.appendBatch(frame.records);
      sent += batch.length;
      await new Promise((resolve) => setTimeout(resolve, 60 + random() * 120));
      await hub.end();
      failures += hub.errors.length;
    }
    const last = await live(path, sinkStore);
    await caughtUp(last.log);
    await last.end();
    expect(failures).toBeGreaterThan(0);
    await expectExact(open(), factsOf(frames));
  });

  it('notes a range that is stored long after its claim, and no other', async () => {
    const { path, sinkStore } = await fresh(open(), dir);
    const [late, inTime] = sampleFrames(1, 2, 50);
    const first = await live(path, inserting(sinkStore, () => Promise.reject(new Error('the store is away'))));
    await first.log.appendBatch(late!.records);
    await expect.poll(() => first.errors.length, { timeout: 60_000 }).toBeGreaterThan(0);
    await first.end();
    const aMinuteLater = { nowMs: () => Date.now() + MINUTE_MS };
    const second = await live(path, sinkStore, { clock: aMinuteLater });
    await caughtUp(second.log);
    await second.log.appendBatch(inTime!.records);
    await caughtUp(second.log);
    await second.end();
    const notes = await query(open(), 'SELECT stored_at = (SELECT min(stored_at) FROM edgetally.deltas), landed_at - stored_at >= 60 FROM edgetally.overdue_ranges');
    expect(notes).toEqual([[1, 1]]);
    await expectExact(open(), factsOf([late!, inTime!]));
  });

  it('makes a frame visible well within two seconds of its append', async () => {
    const { path, sinkStore } = await fresh(open(), dir);
    const hub = await live(path, sinkStore, { intervalMs: DEFAULT_INTERVAL_MS });
    const delays: number[] = [];
    for (const frame of sampleFrames(1, 5, 20)) {
      const at = performance.now();
      await hub.log.appendBatch(frame.records);
      await caughtUp(hub.log);
      delays.push(performance.now() - at);
    }
    await hub.end();
    expect(Math.max(...delays)).toBeLessThan(2_000);
  });
});
}

/** Each claim gets an empty store and a log of its own. */
let life = 0;
async function fresh(store: ClickHouseStore, dir: string): Promise<{ path: string; sinkStore: ClickHouseSinkStore }> {
  life += 1;
  await store.client.command({ query: 'DROP DATABASE IF EXISTS edgetally SYNC' });
  await migrate(store, Date.now());
  return { path: join(dir, `log-${life}.sqlite`), sinkStore: new ClickHouseSinkStore({ store }) };
}

/** The store, but for how it inserts. */
function inserting(store: SinkStore, insert: SinkStore['insert']): SinkStore {
  return {
    watermarks: (partition, offset) => store.watermarks(partition, offset),
    presence: (range) => store.presence(range),
    noteOverdue: (range, landedAtMs) => store.noteOverdue(range, landedAtMs),
    insert,
  };
}

/** One life of a hub: an open log with a sink, until `end`. */
async function startLife(path: string, sinkStore: SinkStore, options: Partial<SinkOptions>): Promise<Heard & { log: DeltaLog; end(): Promise<void> }> {
  const database = openLogDatabase(path);
  const log = createSqliteDeltaLog({ database, clock: { nowMs: () => Date.now() } });
  const heard = await startTestSink(log, sinkStore, options);
  const end = async (): Promise<void> => {
    await log.close();
    await database.close();
  };
  return { ...heard, log, end };
}
