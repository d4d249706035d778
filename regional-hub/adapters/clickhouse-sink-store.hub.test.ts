import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TOPICS, type Topic } from '../log/delta-log.ts';
import { encodeRange } from '../sink/range-blocks.ts';
import { openRecord } from '../sink/range-frames.ts';
import { sampleFrame } from '../sink/sample-frames.ts';
import { migrate } from './clickhouse-migrate.ts';
import { ClickHouseSinkStore } from './clickhouse-sink-store.ts';
import { openStore, type ClickHouseStore } from './clickhouse-store.ts';

const MONTH_SECONDS = 31 * 86_400;
// what is stored long ago has expired when it comes
const CLAIMED_AT_MS = Date.now();

const dir = mkdtempSync(join(tmpdir(), 'edgetally-sink-store-'));
let store: ClickHouseStore;

beforeAll(async () => {
  store = openStore({ kind: 'embedded', dataDir: dir });
  await migrate(store, 0);
});

afterAll(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
}, 60_000);

/** A range of one frame, claimed `laterMs` after the first. */
async function insert(sink: ClickHouseSinkStore, topic: Topic, partition: number, laterMs: number, spreadSeconds: number): Promise<void> {
  const { records } = sampleFrame({ seed: laterMs, shard: `live.us.e0.${partition}.0`, seq: 1, events: 50, spreadSeconds });
  const { value } = records.find((record) => record.topic === topic)!;
  const range = { topic, partition, minOffset: 0n, maxOffset: 0n, claimedAtMs: CLAIMED_AT_MS + laterMs };
  const { blocks } = await encodeRange('main', range, [openRecord(topic, { offset: 0n, key: '', value })]);
  for (const block of blocks) await sink.insert(range, block);
}

it('counts what may have pushed a claim out of memory: blocks of its own topic since, one for each month in a rollup', async () => {
  const sink = new ClickHouseSinkStore({ store });
  const blocksSince = async (topic: Topic) => (await sink.presence({ topic, partition: 0, minOffset: 0n, maxOffset: 0n, claimedAtMs: CLAIMED_AT_MS })).blocksSince;
  await insert(sink, TOPICS.deltas, 0, 0, 60);
  await insert(sink, TOPICS.raw, 0, 0, 60);
  expect([await blocksSince(TOPICS.deltas), await blocksSince(TOPICS.raw)]).toEqual([0, 0]);
  for (const [i, partition] of [1, 2, 2].entries()) await insert(sink, TOPICS.raw, partition, 1 + i, 60);
  expect([await blocksSince(TOPICS.deltas), await blocksSince(TOPICS.raw)]).toEqual([0, 3]);
  await insert(sink, TOPICS.deltas, 1, 10, 60);
  expect(await blocksSince(TOPICS.deltas)).toBe(1);
  await insert(sink, TOPICS.deltas, 2, 20, 12 * MONTH_SECONDS);
  expect(await blocksSince(TOPICS.deltas)).toBeGreaterThan(8);
  expect(await blocksSince(TOPICS.raw)).toBe(3);
});
