import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { migrate } from '../../regional-hub/adapters/clickhouse-migrate.ts';
import { ClickHouseSinkStore } from '../../regional-hub/adapters/clickhouse-sink-store.ts';
import { openStore, type ClickHouseStore } from '../../regional-hub/adapters/clickhouse-store.ts';
import { createKafkaDeltaLog } from '../../regional-hub/adapters/kafka-delta-log.ts';
import { createSqliteDeltaLog } from '../../regional-hub/adapters/sqlite-delta-log.ts';
import { openLogDatabase } from '../../regional-hub/adapters/sqlite-log-database.ts';
import { WorkerRangeEncoder } from '../../regional-hub/adapters/worker-range-encoder.ts';
import { openFrame } from '../../regional-hub/intake/open-frame.ts';
import { TOPICS, type DeltaLog, type LogRecord, type Topic } from '../../regional-hub/log/delta-log.ts';
import { encodeRange } from '../../regional-hub/sink/range-blocks.ts';
import { openRecord } from '../../regional-hub/sink/range-frames.ts';
import { startSink } from '../../regional-hub/sink/sink.ts';
import { encodeFrame } from '../../schemas/wire/frame.ts';
import { decodeDeltasRecord, decodeRawRecord } from '../../schemas/wire/log-record.ts';
import { startKafka } from '../../scripts/kafka-cluster.ts';
import { missingForKafka } from '../../scripts/kafka-jars.ts';
import { sampleFrames } from '../../regional-hub/sink/sample-frames.ts';
import { freePort } from '../beds/edge-bed.ts';
import { median, medianPair } from '../median.ts';
import type { Bench, Reading, Skipped } from '../row.ts';

/** Cells as wide as their events: nothing collapses, the worst there is. */
const FRAMES = 100;
const ROWS_A_FRAME = 4_000;
const SHARDS = 4;
/** A shard has one frame on its way at a time. */
const FRAMES_AT_A_TIME = SHARDS;
const KAFKA_LIB = join('.kafka', 'lib');

/** What a hub does with a frame: read it through, append it to the log, carry the log into ClickHouse. Beside it the engine loading the same rows. */
export const hubStoreBench: Bench = {
  rows: [
    { id: 'hub-store-deltas', what: 'hub: frames → SQLite log → ClickHouse, delta rows with their rollups', unit: 'rows/s', baselineIs: 'the engine\'s own INSERT of the same rows from a ready file', aim: { kind: 'faster', times: 0.5 } },
    { id: 'hub-store-raw', what: 'the same, raw events', unit: 'rows/s', baselineIs: 'rows encoded in JavaScript, then the engine\'s own INSERT from that file', aim: { kind: 'faster', times: 0.5 } },
    { id: 'hub-loop', what: 'the same, delay of the event loop meanwhile, p99', unit: 'ms', baselineIs: '', aim: { kind: 'atMost', limit: 50 } },
    { id: 'hub-kafka', what: 'hub: frames → Kafka → ClickHouse, deltas and raw', unit: 'rows/s', baselineIs: 'the same through SQLite', aim: { kind: 'faster', times: 0.7 } },
  ],
  async measure({ runs, wanted }) {
    const dir = mkdtempSync(join(tmpdir(), 'edgetally-bench-'));
    const store = openStore({ kind: 'embedded', dataDir: join(dir, 'store') });
    const bed = new HubBed(store, dir);
    try {
      await migrate(store, Date.now());
      await bed.drive(TOPICS.deltas);
      const loop: number[] = [];
      const deltas: Pair[] = [];
      const raw: Pair[] = [];
      for (let run = 0; run < runs; run++) {
        for (const [topic, pairs] of [[TOPICS.deltas, deltas], [TOPICS.raw, raw]] as const) {
          const ours = await bed.drive(topic);
          loop.push(ours.loopP99Ms);
          pairs.push({ value: ours.rate, baseline: await bed.insertAlone(topic) });
        }
      }
      const kafka = wanted.has('hub-kafka') ? await bed.throughKafka(runs) : { skipped: 'not asked for' };
      const note = `${ROWS_A_FRAME} rows a frame, every row a cell of its own`;
      return { 'hub-store-deltas': { ...medianPair(deltas), note }, 'hub-store-raw': medianPair(raw), 'hub-loop': { value: median(loop), baseline: null }, 'hub-kafka': kafka };
    } finally {
      await bed.close();
      await store.close();
      rmSync(dir, { recursive: true, force: true });
    }
  },
};

const MEMORY_ATTEMPTS = 10;
const MEMORY_RETRY_MS = 2_000;

/** The engine refuses an insert while its merges have its memory; the hub then tries again, and so does whoever inserts alone. */
async function whenMemoryAllows<Result>(insert: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await insert();
    } catch (error) {
      if (attempt === MEMORY_ATTEMPTS || !String(error).includes('memory limit exceeded')) throw error;
      await sleep(MEMORY_RETRY_MS);
    }
  }
}

type Pair = { readonly value: number; readonly baseline: number };
type Driven = { readonly rate: number; readonly loopP99Ms: number };

class HubBed {
  readonly #store: ClickHouseStore;
  readonly #dir: string;
  readonly #encoder = new WorkerRangeEncoder();
  #logs = 0;

  constructor(store: ClickHouseStore, dir: string) {
    this.#store = store;
    this.#dir = dir;
  }

  close(): Promise<void> {
    return this.#encoder.close();
  }

  /** Frames into a fresh SQLite log and on into the store. */
  async drive(topic: Topic): Promise<Driven> {
    const name = `log-${(this.#logs += 1)}`;
    const database = openLogDatabase(join(this.#dir, `${name}.sqlite`));
    const driven = await this.#carry(createSqliteDeltaLog({ database, clock }), name, [topic]);
    await database.close();
    return driven;
  }

  /** The same rows, with nothing around the insert but (for raw events) their encoding. */
  async insertAlone(topic: Topic): Promise<number> {
    const range = { topic, partition: 0, minOffset: 0n, maxOffset: BigInt(FRAMES - 1), claimedAtMs: Date.now() + 1_000_000 * (this.#logs += 1) };
    const opened = newFrames().map(({ records }, i) => openRecord(topic, { offset: BigInt(i), ...recordOf(records, topic) }));
    const startEncodingMs = performance.now();
    const { blocks } = await encodeRange('alone', range, opened);
    const encodedMs = topic === TOPICS.raw ? performance.now() - startEncodingMs : 0;
    const sink = new ClickHouseSinkStore({ store: this.#store, log: 'alone' });
    const insertedMs = await whenMemoryAllows(async () => {
      const startMs = performance.now();
      for (const block of blocks) await sink.insert(range, block);
      return performance.now() - startMs;
    });
    return (FRAMES * ROWS_A_FRAME * 1_000) / (encodedMs + insertedMs);
  }

  async throughKafka(runs: number): Promise<Reading | Skipped> {
    const missing = missingForKafka(KAFKA_LIB);
    if (missing !== null) return { skipped: missing };
    const cluster = await startKafka({ nodes: 1, port: await freePort(), dataDirectory: join(this.#dir, 'kafka'), libDirectory: KAFKA_LIB, keep: false });
    try {
      const pairs: Pair[] = [];
      for (let run = -1; run < runs; run++) {
        const name = `log-${(this.#logs += 1)}`;
        const log = createKafkaDeltaLog({ brokers: cluster.brokers, clientId: 'edgetally-bench', topicPrefix: `${name}.`, partitions: 1, onFatal: fail });
        const kafka = await this.#carry(log, name, [TOPICS.deltas, TOPICS.raw]);
        const database = openLogDatabase(join(this.#dir, `${name}.sqlite`));
        const sqlite = await this.#carry(createSqliteDeltaLog({ database, clock }), `${name}-sqlite`, [TOPICS.deltas, TOPICS.raw]);
        await database.close();
        // The first round finds everything cold.
        if (run >= 0) pairs.push({ value: kafka.rate, baseline: sqlite.rate });
      }
      return medianPair(pairs);
    } finally {
      await cluster.stop();
    }
  }

  /** From the first frame's bytes to the last row's insert. */
  async #carry(log: DeltaLog, name: string, topics: readonly Topic[]): Promise<Driven> {
    await log.ensureTopics();
    const frames = newFrames();
    const quiet = (): undefined => undefined;
    const events = { rangeStored: quiet, frameRepeated: quiet, shardHalted: quiet, rangeFailed: ({ error }: { error: unknown }) => fail(error) };
    const store = new ClickHouseSinkStore({ store: this.#store, log: name });
    await startSink(log, { store, log: name, clock, sleep: (ms, signal) => sleep(ms, undefined, { signal }).catch(quiet), random: () => 0, events, encoder: this.#encoder });
    // A consumer group needs a moment to agree on who reads what; that is no part of carrying.
    await log.appendBatch([]);
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    const startMs = performance.now();
    const takeIn = async (first: number): Promise<void> => {
      for (let i = first; i < frames.length; i += FRAMES_AT_A_TIME) {
        const { body, records } = frames[i]!;
        await openFrame(body);
        await log.appendBatch(records.filter(({ topic }) => topics.includes(topic)));
      }
    };
    await Promise.all(Array.from({ length: FRAMES_AT_A_TIME }, (_, first) => takeIn(first)));
    while ((await log.lag()).some(({ endOffset, finishedOffset }) => endOffset !== finishedOffset)) await sleep(5);
    const elapsedMs = performance.now() - startMs;
    delay.disable();
    await log.close();
    return { rate: (FRAMES * ROWS_A_FRAME * topics.length * 1_000) / elapsedMs, loopP99Ms: delay.percentile(99) / 1e6 };
  }
}

const clock = { nowMs: () => Date.now() };

function fail(error: unknown): never {
  throw error;
}

type ReadyFrame = { readonly body: Uint8Array; readonly records: readonly LogRecord[] };
const ready: ReadyFrame[] = [];

/** Frames as bodies of `/v1/flush`, and the records they become. */
function newFrames(): readonly ReadyFrame[] {
  if (ready.length > 0) return ready;
  for (const { records } of sampleFrames(SHARDS, Math.ceil(FRAMES / SHARDS), ROWS_A_FRAME).slice(0, FRAMES)) {
    const { header, deltas } = decodeDeltasRecord(recordOf(records, TOPICS.deltas).value);
    const { raw } = decodeRawRecord(recordOf(records, TOPICS.raw).value);
    ready.push({ body: encodeFrame({ header, deltas, raw }), records });
  }
  return ready;
}

function recordOf(records: readonly LogRecord[], topic: Topic): LogRecord {
  const found = records.find((record) => record.topic === topic);
  if (found === undefined) throw new Error(`no record of ${topic}`);
  return found;
}
