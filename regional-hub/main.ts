import { randomBytes } from 'node:crypto';
import { writeFileSync, renameSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createAdaptorServer } from '@hono/node-server';
import pino from 'pino';
import { BAD_CONFIGURATION_EXIT, TrackingError } from '../core/errors.ts';
import { migrate } from './adapters/clickhouse-migrate.ts';
import { ClickHouseQueryEngine } from './adapters/clickhouse-query-engine.ts';
import { mendParts, restMerges, resumeMerges } from './adapters/clickhouse-parts.ts';
import { openStore, type ClickHouseStore } from './adapters/clickhouse-store.ts';
import { requireTokenMemory } from './adapters/clickhouse-token-memory.ts';
import { CloudflareKvSnapshotPublisher } from './adapters/cloudflare-kv-snapshot-publisher.ts';
import { diskSpace } from './adapters/disk-space.ts';
import { HeldSinkStore } from './adapters/held-sink-store.ts';
import { WorkerRangeEncoder } from './adapters/worker-range-encoder.ts';
import { readConfig, type HubConfig } from './config.ts';
import { catalogueHandlers } from './control/catalogue-handlers.ts';
import { openControlDatabase } from './control/control-database.ts';
import { createControlPlane } from './control/control-plane.ts';
import { keyHandlers } from './control/key-handlers.ts';
import { networkHandlers } from './control/network-handlers.ts';
import { createApp } from './http/app.ts';
import { pageHandlers } from './http/page-handlers.ts';
import { RequestError } from './http/request-error.ts';
import { openHubLog } from './hub-log.ts';
import { flushRoute } from './intake/flush-route.ts';
import { KeyedQueue } from './intake/keyed-queue.ts';
import { WorkBudget } from './intake/work-budget.ts';
import { onStopSignal } from './lifecycle.ts';
import { createHubMetrics } from './ops/hub-metrics.ts';
import { opsHandlers } from './ops/ops-handlers.ts';
import { observedLog, PipelineState } from './ops/pipeline-state.ts';
import { sinkEvents } from './ops/sink-events.ts';
import { SpaceGuard } from './ops/space-guard.ts';
import { BoundedEngine } from './query/bounded-engine.ts';
import { queryHandlers } from './query/query-handlers.ts';
import { SharedReading } from './query/shared-reading.ts';
import { readWatermarkMs } from './query/watermark.ts';
import { startSink } from './sink/sink.ts';
import { readFinishedRanges } from './stream/finished-ranges.ts';
import { streamHandlers } from './stream/stream-handlers.ts';
import { OpenStreams } from './stream/stream-response.ts';

/** What the hub's own clock and chance are; nothing below this file has another. */
const clock = { nowMs: () => Date.now() };
const sleep = (delayMs: number, signal?: AbortSignal): Promise<void> => delay(delayMs, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
const makeId = (): string => randomBytes(9).toString('base64url');
const logger = pino({ level: process.env['LOG_LEVEL'] ?? 'info' }, pino.destination(2));

/** A store or a broker that is not up yet is asked again after this. */
const START_RETRY_MS = 1_000;
/** Longer than a client is likely to keep an idle connection, so that it is the client who closes it and no request meets a closing one. */
const KEEP_ALIVE_MS = 75_000;
/** How long requests under way may take when the hub stops. */
const LAST_REQUESTS_MS = 2_000;
/** Edges that read the snapshot from a namespace hear so often that it still stands; they wait for it about ten times as long. */
const SNAPSHOT_EVERY_MS = 60_000;

/** Wires the hub together. It answers at once; `ready` resolves when store, log and sink are up. */
async function startHub(config: HubConfig) {
  const { log, index, gaps, name, closeFiles } = openHubLog(config, { clock, makeId, onFatal: die, onWarning: (message, details) => logger.warn(details, message) });
  const kv = config.cloudflareKv === null ? [] : [new CloudflareKvSnapshotPublisher(config.cloudflareKv, { fetch, sleep, onFailure: (error) => logger.warn({ err: error }, 'the snapshot is not published yet') })];
  const database = openControlDatabase(join(config.dataDir, 'control.sqlite'));
  const plane = createControlPlane({ database, clock, randomBytes, plan: config, snapshotKey: config.snapshotKey, publishers: kv });
  for (const key of config.bootstrapKeys) plane.keys.ensure({ ...key, name: 'came with the deployment', nowMs: clock.nowMs() });
  plane.publish();
  const telling = setInterval(plane.publish, SNAPSHOT_EVERY_MS);

  const store = openStore(config.clickhouse === null ? { kind: 'embedded', dataDir: join(config.dataDir, 'store') } : { kind: 'server', url: config.clickhouse.url, ...(config.clickhouse.cluster === undefined ? {} : { cluster: config.clickhouse.cluster }) });
  const space = guardSpace(config, store);
  const directEngine = new ClickHouseQueryEngine(store.client);
  const engine = new BoundedEngine(directEngine);
  const watermark = new SharedReading(() => readWatermarkMs(directEngine), clock);
  const finished = new SharedReading(() => readFinishedRanges(directEngine), clock);
  const watermarkMs = () => watermark.get();
  const pipeline = new PipelineState(log, clock);
  const streams = new OpenStreams();
  const metrics = createHubMetrics({ waitingRecords: () => pipeline.waitingRecords(), openStreams: () => streams.size });
  const encoder = new WorkerRangeEncoder();
  let isReady = false;

  const intake = flushRoute({ log: observedLog(log, pipeline), index, gaps, policies: plane.policies, metrics: metrics.intake, flushKeys: config.flushKeys, shards: new KeyedQueue(), budget: new WorkBudget(), clock });
  const queries = { engine, clock, watermarkMs, minCellUsers: config.minCellUsers };
  const app = createApp({
    verifyKey: (key) => plane.keys.verify(key),
    internalToken: config.internalToken,
    onError: (error, where) => logger.error({ err: error, ...where }, 'a request failed'),
    handlers: {
      ...pageHandlers,
      ...catalogueHandlers(plane),
      ...keyHandlers(plane),
      ...networkHandlers(plane),
      ...queryHandlers({ ...queries, pipelineLagSeconds: () => pipeline.lagSeconds() }),
      ...streamHandlers({ ...queries, finishedRanges: () => finished.get(), sleep, streams, isKeyAlive: (key) => plane.keys.verify(key) !== undefined }),
      ...opsHandlers({ engine, clock, sleep, pipeline, regions: config.regions, registry: metrics.registry, watermarkMs, isReady: () => isReady }),
      flush: ({ raw }) => {
        if (space.isShort) throw new RequestError(503, 'unavailable', 'the disk is nearly full; keep the frame');
        return intake.fetch(raw);
      },
    },
  });
  const server = createAdaptorServer({ fetch: app.fetch, serverOptions: { keepAliveTimeout: KEEP_ALIVE_MS } });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(config.port, config.host, resolve));

  const stopping = new AbortController();
  const watched = space.watch(stopping.signal);
  const ready = untilItWorks(stopping.signal, async () => {
    await migrate(store, clock.nowMs());
    await requireTokenMemory(store);
    await log.ensureTopics();
    await startSink(log, { store: new HeldSinkStore({ store, log: name }, () => space.isShort), log: name, clock, sleep, random: Math.random, events: sinkEvents(metrics.sink, pipeline, logger), encoder });
    isReady = true;
  });

  const stop = async (): Promise<void> => {
    stopping.abort();
    clearInterval(telling);
    isReady = false;
    streams.endAll();
    const served = new Promise((resolve) => server.close(resolve));
    await Promise.race([served, delay(LAST_REQUESTS_MS)]);
    if ('closeAllConnections' in server) server.closeAllConnections();
    await Promise.all([ready, watched]);
    await log.close();
    await encoder.close();
    await closeFiles();
    await Promise.all(kv.map((publisher) => publisher.close()));
    await store.close();
    database.close();
  };
  const { address, port } = server.address() as AddressInfo;
  return { url: `http://${address.includes(':') ? `[${address}]` : address}:${port}`, ready, stop };
}

/** Keeps an eye on the disk of the data folder. An engine of our own rests its merges there, and is looked through when there is room again. */
function guardSpace({ dataDir, diskReserveBytes: reserveBytes, clickhouse }: HubConfig, store: ClickHouseStore): SpaceGuard {
  const report = (line: string, details: object): void => logger.warn(details, line);
  const isOurs = clickhouse === null;
  return new SpaceGuard({
    space: () => diskSpace(dataDir),
    reserveBytes,
    clock,
    sleep,
    report,
    onShort: async () => void (isOurs && (await restMerges(store))),
    onRoom: async (sinceMs) => {
      if (!isOurs) return;
      const tables = await mendParts(store, sinceMs).finally(() => resumeMerges(store));
      if (tables.length > 0) report('the full disk had damaged parts of these tables: they were taken up anew from what those were merged from', { tables });
    },
  });
}

/** Tries until it succeeds or the hub stops. */
async function untilItWorks(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    try {
      return await work();
    } catch (error) {
      if (error instanceof TrackingError && error.code === 'bad_configuration') die(error);
      logger.warn({ err: error }, 'store or log is not up yet');
      await sleep(START_RETRY_MS, signal);
    }
  }
}

function die(error: unknown): never {
  logger.fatal({ err: error }, 'nothing here will mend this');
  process.exit(1);
}

function loadConfig(): HubConfig {
  try {
    return readConfig(process.argv, process.env);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(BAD_CONFIGURATION_EXIT);
  }
}

// Whoever read what the hub says may have left; it works on.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

const config = loadConfig();
const hub = await startHub(config).catch(die);
onStopSignal(async () => {
  await hub.stop();
  process.exit(0);
});
await hub.ready;
if (config.readyFile !== null) {
  writeFileSync(`${config.readyFile}.new`, JSON.stringify({ hubUrl: hub.url, pid: process.pid }));
  renameSync(`${config.readyFile}.new`, config.readyFile);
}
process.stdout.write(`hub ready ${hub.url}\n`);
