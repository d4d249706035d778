import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_MEMORY_LIMITS } from '../../core/memory/shard-memory.ts';
import { parseShardName } from '../../core/routing.ts';
import { encodeEvents } from '../../schemas/event-binary/encode.ts';
import { BINARY_EVENTS_MEDIA_TYPE } from '../../schemas/event-json.ts';
import { EdgeBed, INGEST_KEY } from '../beds/edge-bed.ts';
import { BatchMaker, ShardBed } from '../beds/shard-bed.ts';
import { threadCpuMs } from '../cpu-clock.ts';
import { impressions, inRuns } from '../load/events.ts';
import { writeLoad } from '../load/load-file.ts';
import { costOf, hasWrk, load } from '../load/wrk.ts';
import { short } from '../median.ts';
import type { Bench, Reading, Skipped } from '../row.ts';

const START_MS = 1_773_100_800_000;
const BATCH = 100;
const SAMPLE_BATCHES = 200;
/** Live keys at which the cost of an event is looked at; each impression leaves two. */
const KEY_STEPS = [1_000, 10_000, 100_000, 1_000_000, 10_000_000] as const;
const AD_STEPS = [1, 10, 100, 1_000] as const;
const SHARD_STEPS = [1, 4, 16, 64] as const;
/** More than one core takes in. */
const MAX_EVENTS_PER_SECOND = 250_000;
const SHARD_SECONDS = 3;
const HOT_EVENTS_PER_SECOND = 20_000;
const HOT_SALTS = 8;
const HOT_SECONDS = 5;
/** A connection that waits for its reply as well sends less often than its pauses say. */
const HOT_OFFERED = 1.3;
const CONNECTIONS = 16;

/** The law of growth: what an event costs as everything around it grows. Curves are in the notes. */
export const growthBench: Bench = {
  rows: [
    { id: 'growth-keys', what: 'shard: CPU an event at 10 M live keys, batches of 100', unit: 'µs', baselineIs: 'at 1 000 live keys', aim: { kind: 'none' } },
    { id: 'growth-ads', what: 'shard: CPU an event with 1 000 ads, batches of 100', unit: 'µs', baselineIs: 'with one ad', aim: { kind: 'none' } },
    { id: 'growth-shards', what: 'edge and shards: CPU an event over 64 shards, batches of 100 binary events of as many ads', unit: 'µs', baselineIs: 'over one shard', aim: { kind: 'none' } },
    { id: 'growth-hot-ad', what: 'one ad at 20 000 events/s over 8 sub-shards: calls a second to the busiest object', unit: 'calls/s', baselineIs: '', aim: { kind: 'atMost', limit: 500 } },
  ],
  async measure({ wanted }) {
    const readings: Record<string, Reading | Skipped> = {};
    if (wanted.has('growth-keys')) readings['growth-keys'] = await byKeys();
    if (wanted.has('growth-ads')) readings['growth-ads'] = await byAds();
    const missing = { skipped: 'wrk is not installed (Debian: apt-get install wrk)' };
    if (wanted.has('growth-shards')) readings['growth-shards'] = hasWrk() ? await byShards() : missing;
    if (wanted.has('growth-hot-ad')) readings['growth-hot-ad'] = hasWrk() ? await hotAd() : missing;
    return readings;
  },
};

async function byKeys(): Promise<Reading> {
  const maker = await BatchMaker.create({ ads: 100, viewers: 1_000_000, clickShare: 0, startMs: START_MS });
  const bed = new ShardBed('live.us.e0.0.0', START_MS);
  const clock = { atMs: 0 };
  // What the compiler has not seen is slow once, however few keys there are.
  record(new ShardBed('live.us.e0.1.0', START_MS), maker, SAMPLE_BATCHES, { atMs: 0 });
  const curve: [number, number][] = [];
  let keys = 0;
  for (const step of KEY_STEPS) {
    const sampleKeys = 2 * SAMPLE_BATCHES * BATCH;
    if (step - keys > sampleKeys) record(bed, maker, Math.round((step - keys) / 2 / BATCH), clock);
    keys = Math.max(step, keys + sampleKeys);
    curve.push([step, record(bed, maker, SAMPLE_BATCHES, clock)]);
  }
  const resident = short(bed.shard.status().memoryEntries);
  bed.close();
  return readingOf(curve, `RAM holds ${DEFAULT_MEMORY_LIMITS.entriesMax / 1e6} M keys, the rest is found in the shard's own SQLite; ${resident} resident at the end`);
}

async function byAds(): Promise<Reading> {
  const curve: [number, number][] = [];
  for (const ads of AD_STEPS) {
    const maker = await BatchMaker.create({ ads, viewers: 100_000, clickShare: 0.02, startMs: START_MS });
    const bed = new ShardBed('live.us.e0.0.0', START_MS);
    const clock = { atMs: 0 };
    record(bed, maker, SAMPLE_BATCHES, clock);
    curve.push([ads, record(bed, maker, 2 * SAMPLE_BATCHES, clock)]);
    bed.close();
  }
  return readingOf(curve, 'a batch carries the terms of each ad in it: up to a hundred times at 100 ads and more');
}

/** CPU an event in µs: commits, checkpoints, frames; making the batches is not counted. 5 000 events a second pass. */
function record(bed: ShardBed, maker: BatchMaker, batches: number, clock: { atMs: number }): number {
  let spentMs = 0;
  for (let done = 0; done < batches; done += SAMPLE_BATCHES) {
    const made = Array.from({ length: Math.min(SAMPLE_BATCHES, batches - done) }, (_, i) => maker.batch(BATCH, clock.atMs + i * 20));
    const beforeMs = threadCpuMs();
    for (const batch of made) {
      const nowMs = START_MS + (clock.atMs += 20);
      bed.record(batch, nowMs);
      bed.flush(nowMs);
    }
    spentMs += threadCpuMs() - beforeMs;
  }
  return (spentMs * 1_000) / (batches * BATCH);
}

async function byShards(): Promise<Reading> {
  const curve: [number, number][] = [];
  for (const shards of SHARD_STEPS) {
    const bed = await EdgeBed.start({ shards, ads: shards * 4 });
    const options = () => ({ ...binaryLoad(bed, impressions(MAX_EVENTS_PER_SECOND * SHARD_SECONDS, { ads: shards * 4 })), seconds: SHARD_SECONDS });
    await load(options());
    const { cpuUs } = await costOf(bed.workerd, options());
    curve.push([shards, cpuUs / BATCH]);
    await bed.stop();
  }
  return readingOf(curve, 'a batch whose ads live on many shards becomes as many calls and commits: senders should group by ad');
}

async function hotAd(): Promise<Reading | Skipped> {
  const bed = await EdgeBed.start({ shards: 1, ads: 1, salts: HOT_SALTS });
  try {
    const warm = binaryLoad(bed, impressions(2 * MAX_EVENTS_PER_SECOND, { ads: 1 }));
    await load({ ...warm, seconds: 2 });
    await sleep(2_000);
    const before = bed.hub.frames.length;
    const pauseMs = Math.round((CONNECTIONS * 1_000 * BATCH) / (HOT_EVENTS_PER_SECOND * HOT_OFFERED));
    const options = binaryLoad(bed, impressions(HOT_EVENTS_PER_SECOND * HOT_SECONDS * 2, { ads: 1 }));
    const seen = await load({ ...options, seconds: HOT_SECONDS, pauseMs });
    await sleep(3_000);
    const rows = new Map<number, number>();
    for (const { header } of bed.hub.frames.slice(before)) {
      const salt = parseShardName(header.shard)?.salt ?? -1;
      rows.set(salt, (rows.get(salt) ?? 0) + header.lastRow - header.firstRow + 1);
    }
    const perSecond = (Math.max(...rows.values()) * 1e6) / seen.durationUs;
    const eventRate = (seen.requests * BATCH * 1e6) / seen.durationUs;
    // Few calls under little traffic would prove nothing.
    if (eventRate < HOT_EVENTS_PER_SECOND * 0.9) return { skipped: `only ${short(eventRate)} events/s were reached here (${short(perSecond)} calls/s to the busiest object); 20 000 are wanted` };
    return { value: perSecond, baseline: null, note: `${short(eventRate)} events/s reached here, over ${rows.size} objects` };
  } finally {
    await bed.stop();
  }
}

function binaryLoad(bed: EdgeBed, events: ReturnType<typeof impressions>) {
  const file = writeLoad(join(bed.dir, 'bodies'), { method: 'POST', items: inRuns(events, BATCH).map((run) => encodeEvents(run)) });
  const headers = { authorization: `Bearer ${INGEST_KEY}`, 'content-type': BINARY_EVENTS_MEDIA_TYPE };
  return { url: `${bed.url}/v1/events`, file, headers, connections: CONNECTIONS } as const;
}

function readingOf(curve: readonly [number, number][], why: string): Reading {
  const text = curve.map(([at, us]) => `${at >= 1_000 ? at.toExponential(0).replace('e+', 'e') : at}: ${short(us)}`).join(', ');
  return { value: curve.at(-1)?.[1] ?? Number.NaN, baseline: curve[0]?.[1] ?? null, note: `${text} µs; ${why}` };
}
