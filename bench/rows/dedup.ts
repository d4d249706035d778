import { BucketTable } from '../../core/memory/bucket-table.ts';
import { usedBytes } from '../collect-garbage.ts';
import { threadCpuMs } from '../cpu-clock.ts';
import { median, short } from '../median.ts';
import type { Bench } from '../row.ts';

const LIVE_KEYS = 1_000_000;
const MEASURED_OPS = 2_000_000;
/** Both let go of expired keys this often. */
const EXPIRE_EVERY_OPS = LIVE_KEYS / 2;
/** The longest stretch of so many operations is the longest pause. */
const STRETCH_OPS = 256;
const START_MS = 1_773_100_800_000;

type Contender = { readonly name: string; step(lo: number, hi: number, nowMs: number): void; expire(beforeMs: number): void; size(): number };
type Result = { opsPerSecond: number; pauseMsMax: number; bytesPerKey: number };

/** Dedup in memory at 1 M live keys: look a key up, add it, and let go of keys as they leave the window. Beside it a `Map<string, number>` that does the same. */
export const dedupBench: Bench = {
  rows: [
    { id: 'dedup-speed', what: 'dedup in memory at 1 M live keys: look up, add, expire', unit: 'ops/s', baselineIs: 'Map<string, number> with expiry', aim: { kind: 'faster', times: 15 } },
    { id: 'dedup-bytes', what: 'the same, memory a live key', unit: 'B', baselineIs: 'Map<string, number> with expiry', aim: { kind: 'atMost', limit: 36 } },
    { id: 'dedup-pause', what: 'the same, longest stretch of 256 operations', unit: 'ms', baselineIs: 'Map<string, number> with expiry', aim: { kind: 'atMost', limit: 10 } },
  ],
  async measure({ runs }) {
    const rounds: { buckets: Result; map: Result }[] = [];
    for (let run = 0; run < runs; run++) rounds.push({ buckets: measure(bucketContender()), map: measure(mapContender()) });
    const side = (name: 'buckets' | 'map', key: keyof Result) => median(rounds.map((round) => round[name][key]));
    const pair = (key: keyof Result) => ({ value: side('buckets', key), baseline: side('map', key) });
    return { 'dedup-speed': { ...pair('opsPerSecond'), note: `${short(1e9 / side('buckets', 'opsPerSecond'))} ns each` }, 'dedup-bytes': pair('bytesPerKey'), 'dedup-pause': pair('pauseMsMax') };
  },
};

function bucketContender(): Contender {
  const table = new BucketTable();
  return {
    name: 'buckets',
    step(lo, hi, nowMs) {
      const key = { lo, hi };
      if (!table.anyIn(key, nowMs - LIVE_KEYS, nowMs)) table.add(key, nowMs);
    },
    expire: (beforeMs) => table.forgetBefore(beforeMs),
    size: () => table.size,
  };
}

function mapContender(): Contender {
  const map = new Map<string, number>();
  return {
    name: 'map',
    step(lo, hi, nowMs) {
      const key = `${hi.toString(36)}${lo.toString(36)}`;
      const seenMs = map.get(key);
      if (seenMs === undefined || nowMs - seenMs > LIVE_KEYS) map.set(key, nowMs);
    },
    expire(beforeMs) {
      for (const [key, timeMs] of map) {
        if (timeMs >= beforeMs) break;
        map.delete(key);
      }
    },
    size: () => map.size,
  };
}

function measure(contender: Contender): Result {
  const draw = xorshift(0x2545f491);
  const bytesBefore = usedBytes();
  for (let op = 0; op < LIVE_KEYS; op++) contender.step(draw(), draw(), START_MS + op);
  const bytesPerKey = (usedBytes() - bytesBefore) / contender.size();
  let pauseMsMax = 0;
  const startMs = threadCpuMs();
  let stretchMs = startMs;
  for (let op = 1; op <= MEASURED_OPS; op++) {
    const nowMs = START_MS + LIVE_KEYS + op;
    contender.step(draw(), draw(), nowMs);
    if (op % EXPIRE_EVERY_OPS === 0) contender.expire(nowMs - LIVE_KEYS);
    if (op % STRETCH_OPS !== 0) continue;
    const atMs = threadCpuMs();
    pauseMsMax = Math.max(pauseMsMax, atMs - stretchMs);
    stretchMs = atMs;
  }
  return { opsPerSecond: MEASURED_OPS / ((threadCpuMs() - startMs) / 1_000), pauseMsMax, bytesPerKey };
}

function xorshift(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
