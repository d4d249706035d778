import { BucketTable } from '../../core/memory/bucket-table.ts';
import { usedBytes } from '../collect-garbage.ts';
import { threadCpuMs } from '../cpu-clock.ts';
import { median, short } from '../median.ts';
import type { Bench } from '../row.ts';

const LIVE_KEYS = 1_000_000;
const MEASURED_OPS = 2_000_000;
/** Both let go of expired keys this often. */
const EXPIRE_EVERY_OPS = LIVE_KEYS / 2;
/** As a shard judges them: a batch's keys are known before the first is looked up. */
const BATCH_OPS = 100;
/** The longest stretch of so many operations is the longest pause. */
const STRETCH_OPS = 300;
const START_MS = 1_773_100_800_000;

/** Keys as two halves; the first comes at `nowMs`, each of the others a millisecond after the one before it. */
type KeyBatch = { readonly lo: Uint32Array; readonly hi: Uint32Array };
type Contender = { take(keys: KeyBatch, nowMs: number): void; expire(beforeMs: number): void; size(): number };
type Result = { opsPerSecond: number; pauseMsMax: number; bytesPerKey: number };

/** Dedup in memory at 1 M live keys: look a key up, add it, and let go of keys as they leave the window. Beside it a `Map<string, number>` that does the same. */
export const dedupBench: Bench = {
  rows: [
    { id: 'dedup-speed', what: 'dedup in memory at 1 M live keys: look up, add, expire', unit: 'ops/s', baselineIs: 'Map<string, number> with expiry', aim: { kind: 'faster', times: 15 } },
    { id: 'dedup-bytes', what: 'the same, memory a live key', unit: 'B', baselineIs: 'Map<string, number> with expiry', aim: { kind: 'atMost', limit: 36 } },
    { id: 'dedup-pause', what: 'the same, longest stretch of 300 operations', unit: 'ms', baselineIs: 'Map<string, number> with expiry', aim: { kind: 'atMost', limit: 10 } },
  ],
  async measure({ runs }) {
    const rounds: { buckets: Result; map: Result; single: Result }[] = [];
    for (let run = 0; run < runs; run++) {
      rounds.push({ buckets: measure(bucketContender(), BATCH_OPS), map: measure(mapContender(), BATCH_OPS), single: measure(bucketContender(), 1) });
    }
    const side = (name: 'buckets' | 'map' | 'single', key: keyof Result) => median(rounds.map((round) => round[name][key]));
    const pair = (key: keyof Result) => ({ value: side('buckets', key), baseline: side('map', key) });
    const note = `${short(1e9 / side('buckets', 'opsPerSecond'))} ns each in batches of ${BATCH_OPS}, as a shard judges them; ${short(1e9 / side('single', 'opsPerSecond'))} where they come one at a time`;
    return { 'dedup-speed': { ...pair('opsPerSecond'), note }, 'dedup-bytes': pair('bytesPerKey'), 'dedup-pause': pair('pauseMsMax') };
  },
};

/** What `judgeBatch` has its memory do. */
function bucketContender(): Contender {
  const table = new BucketTable();
  return {
    take(keys, nowMs) {
      const { length } = keys.lo;
      for (let at = 0; at < length; at++) table.expect({ lo: keys.lo[at]!, hi: keys.hi[at]! });
      table.readExpected();
      for (let at = 0; at < length; at++) {
        const key = { lo: keys.lo[at]!, hi: keys.hi[at]! };
        const timeMs = nowMs + at;
        if (!table.anyIn(key, timeMs - LIVE_KEYS, timeMs)) table.add(key, timeMs);
      }
    },
    expire: (beforeMs) => table.forgetBefore(beforeMs),
    size: () => table.size,
  };
}

function mapContender(): Contender {
  const map = new Map<string, number>();
  return {
    take(keys, nowMs) {
      for (let at = 0; at < keys.lo.length; at++) {
        const key = `${keys.hi[at]!.toString(36)}${keys.lo[at]!.toString(36)}`;
        const seenMs = map.get(key);
        const timeMs = nowMs + at;
        if (seenMs === undefined || timeMs - seenMs > LIVE_KEYS) map.set(key, timeMs);
      }
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

function measure(contender: Contender, batchOps: number): Result {
  const batches = drawnKeys(LIVE_KEYS + MEASURED_OPS, batchOps);
  const bytesBefore = usedBytes();
  for (let op = 0; op < LIVE_KEYS; op += batchOps) contender.take(batches(op), START_MS + op);
  const bytesPerKey = (usedBytes() - bytesBefore) / contender.size();
  let pauseMsMax = 0;
  const startMs = threadCpuMs();
  let stretchMs = startMs;
  for (let op = 0; op < MEASURED_OPS; op += batchOps) {
    const nowMs = START_MS + LIVE_KEYS + op;
    contender.take(batches(LIVE_KEYS + op), nowMs);
    if ((op + batchOps) % EXPIRE_EVERY_OPS === 0) contender.expire(nowMs - LIVE_KEYS);
    if ((op + batchOps) % STRETCH_OPS !== 0) continue;
    const atMs = threadCpuMs();
    pauseMsMax = Math.max(pauseMsMax, atMs - stretchMs);
    stretchMs = atMs;
  }
  return { opsPerSecond: MEASURED_OPS / ((threadCpuMs() - startMs) / 1_000), pauseMsMax, bytesPerKey };
}

/** So many keys, drawn before anything is measured; a batch of them is copied into the same two arrays at each call, as a reader of a request does. */
function drawnKeys(count: number, batchOps: number): (from: number) => KeyBatch {
  const draw = xorshift(0x2545f491);
  const all = { lo: Uint32Array.from({ length: count }, draw), hi: Uint32Array.from({ length: count }, draw) };
  const batch = { lo: new Uint32Array(batchOps), hi: new Uint32Array(batchOps) };
  return (from) => {
    for (let at = 0; at < batchOps; at++) {
      batch.lo[at] = all.lo[from + at]!;
      batch.hi[at] = all.hi[from + at]!;
    }
    return batch;
  };
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
