import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { encodeEvents } from '../../schemas/event-binary/encode.ts';
import { BINARY_EVENTS_MEDIA_TYPE } from '../../schemas/event-json.ts';
import { EdgeBed, freePort, INGEST_KEY } from '../beds/edge-bed.ts';
import { PinnedProcess, untilAnswers } from '../beds/pinned.ts';
import { boundNote, startBound } from '../bound.ts';
import { impressions, inRuns, jsonBody } from '../load/events.ts';
import { writeLoad } from '../load/load-file.ts';
import { costOf, hasWrk, isInstalled, load, rateOf } from '../load/wrk.ts';
import { median, short } from '../median.ts';
import type { Bench, Reading, RowSpec, Skipped } from '../row.ts';

const REDIS = 'Node, ioredis and a local Redis: JSON batches of 100, SET NX EX and HINCRBY, pipelined; not durable';
const rows = [
  { id: 'batch-binary-100', what: 'batches of 100 binary events: deduped, counted, durable, acknowledged', unit: 'events/s', baselineIs: REDIS, aim: { kind: 'faster', times: 4 } },
  { id: 'batch-json-100', what: 'batches of 100 JSON events, the same', unit: 'events/s', baselineIs: REDIS, aim: { kind: 'faster', times: 2 } },
  { id: 'batch-binary-1000', what: 'batches of 1 000 binary events', unit: 'events/s', baselineIs: 'batches of 100 binary events', aim: { kind: 'faster', times: 1.6 } },
] as const satisfies readonly RowSpec[];

const REDIS_INGEST = fileURLToPath(new URL('../baselines/redis-ingest.ts', import.meta.url));
/** About as many events on their way, whatever a batch holds: more than one object can flush it refuses. */
const connectionsFor = (size: number): number => (size > 100 ? 4 : 16);
const SECONDS = 2;
/** More than any side takes in while it is measured, or repeats would be measured. */
const EVENTS = 500_000;

type Side = 'binary-100' | 'json-100' | 'binary-1000' | 'redis' | 'bound';
type Body = { readonly size: number; readonly mediaType: string; readonly write: (events: ReturnType<typeof impressions>) => Uint8Array };
const JSON_BODY = { mediaType: 'application/json', write: (events: ReturnType<typeof impressions>) => jsonBody({ events }) };
const BINARY_BODY = { mediaType: BINARY_EVENTS_MEDIA_TYPE, write: (events: ReturnType<typeof impressions>) => encodeEvents(events) };
const BODIES: Readonly<Record<Side, Body>> = {
  'binary-100': { size: 100, ...BINARY_BODY },
  'json-100': { size: 100, ...JSON_BODY },
  'binary-1000': { size: 1_000, ...BINARY_BODY },
  redis: { size: 100, ...JSON_BODY },
  bound: { size: 100, ...BINARY_BODY },
};

/** Much at a time, each event deduped, counted and durable before it is acknowledged. */
export const batchesBench: Bench = {
  rows,
  async measure({ runs }) {
    if (!hasWrk()) return Object.fromEntries(rows.map(({ id }) => [id, { skipped: 'wrk is not installed (Debian: apt-get install wrk)' }]));
    const edge = await EdgeBed.start({ ads: 4, shards: 1 });
    const [redis, bound] = [await RedisBed.start(), await startBound()];
    const ours = { url: `${edge.url}/v1/events`, process: edge.workerd };
    const targets: Readonly<Record<Side, Target | null>> = { 'binary-100': ours, 'json-100': ours, 'binary-1000': ours, redis, bound: { url: bound.url, process: bound.workerd, mayRepeat: true } };
    try {
      const seen: Record<Side, number[]> = { 'binary-100': [], 'json-100': [], 'binary-1000': [], redis: [], bound: [] };
      const cpu: Record<Side, number[]> = { 'binary-100': [], 'json-100': [], 'binary-1000': [], redis: [], bound: [] };
      for (let run = -1; run < runs; run++) {
        for (const side of Object.keys(BODIES) as Side[]) {
          const target = targets[side];
          if (target === null) continue;
          const { rate, cpuUs } = await drive(target, BODIES[side], join(edge.dir, 'bodies'));
          // The first round warms up.
          if (run < 0) continue;
          seen[side].push(rate);
          cpu[side].push(cpuUs);
        }
      }
      const baseline = redis === null ? null : median(seen.redis);
      const reading = (side: Side, beside: number | null, more = ''): Reading | Skipped =>
        beside === null ? { skipped: 'redis-server is not installed (Debian: apt-get install redis-server)' } : { value: median(seen[side]), baseline: beside, note: `CPU ${short(median(cpu[side]))} µs an event${more}` };
      const boundary = baseline === null ? '' : `; ${boundNote(seen.bound.map((rate, run) => ({ ratio: rate / baseline, cpuUs: cpu.bound[run]! })))}`;
      return {
        'batch-binary-100': reading('binary-100', baseline, boundary),
        'batch-json-100': reading('json-100', baseline),
        'batch-binary-1000': reading('binary-1000', median(seen['binary-100'])),
      };
    } finally {
      await Promise.all([edge.stop(), redis?.stop(), bound.stop()]);
    }
  },
};

/** `mayRepeat`: it does not tell repeats from other events. */
type Target = { readonly url: string; readonly process: PinnedProcess; readonly mayRepeat?: boolean };

async function drive(target: Target, body: Body, file: string): Promise<{ rate: number; cpuUs: number }> {
  const newBodies = (count: number) => writeLoad(file, { method: 'POST', items: inRuns(impressions(count, { ads: 4 }), body.size).map(body.write), mayRepeat: target.mayRepeat ?? false });
  const headers = { authorization: `Bearer ${INGEST_KEY}`, 'content-type': body.mediaType };
  const options = { url: target.url, headers, connections: connectionsFor(body.size) } as const;
  await load({ ...options, file: newBodies(EVENTS / SECONDS), seconds: 1 });
  const seen = await costOf(target.process, { ...options, file: newBodies(EVENTS), seconds: SECONDS });
  return { rate: rateOf(seen) * body.size, cpuUs: seen.cpuUs / body.size };
}

/** The Node server on the server's core, Redis on the other. */
class RedisBed {
  readonly url: string;
  readonly process: PinnedProcess;
  readonly #redis: PinnedProcess;
  readonly #dir: string;

  private constructor(url: string, server: PinnedProcess, redis: PinnedProcess, dir: string) {
    this.url = url;
    this.process = server;
    this.#redis = redis;
    this.#dir = dir;
  }

  /** Null where there is no Redis. */
  static async start(): Promise<RedisBed | null> {
    if (!isInstalled('redis-server')) return null;
    const dir = mkdtempSync(join(tmpdir(), 'edgetally-bench-'));
    const [port, redisPort] = [await freePort(), await freePort()];
    const redis = new PinnedProcess('client', 'redis-server', ['--port', String(redisPort), '--dir', dir, '--save', '', '--appendonly', 'no']);
    await sleep(500);
    const server = new PinnedProcess('server', process.execPath, [REDIS_INGEST, String(port), String(redisPort)]);
    const url = `http://127.0.0.1:${port}`;
    await untilAnswers(url, server);
    return new RedisBed(url, server, redis, dir);
  }

  async stop(): Promise<void> {
    await Promise.all([this.process.stop(), this.#redis.stop()]);
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
