/**
 * Dedup in memory at 1 M live keys: look a key up, add it, and let go of keys as they leave the window. Beside it a
 * `Map<string, number>` that does the same. Run: `node --expose-gc bench/memory.ts`.
 */
import { BucketTable } from '../core/memory/bucket-table.ts';

const LIVE_KEYS = 1_000_000;
const MEASURED_OPS = 2_000_000;
const ROUNDS = 3;
/** Both let go of expired keys this often. */
const EXPIRE_EVERY_OPS = LIVE_KEYS / 2;
/** The longest stretch of so many operations is the longest pause. */
const STRETCH_OPS = 256;
const START_MS = 1_773_100_800_000;

type Contender = { readonly name: string; step(lo: number, hi: number, nowMs: number): void; expire(beforeMs: number): void; size(): number };
type Result = { opsPerSecond: number; pauseMsMax: number; bytesPerKey: number };

const rounds: { buckets: Result; map: Result }[] = [];
for (let round = 0; round < ROUNDS; round++) rounds.push({ buckets: measure(bucketContender()), map: measure(mapContender()) });
report('bucket table', rounds.map((round) => round.buckets));
report('Map<string, number>', rounds.map((round) => round.map));
const ratios = rounds.map(({ buckets, map }) => buckets.opsPerSecond / map.opsPerSecond);
console.log(`ratio ${median(ratios).toFixed(1)} × (median of ${ROUNDS} rounds, aim 15 ×)`);

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
  const startMs = performance.now();
  let stretchMs = startMs;
  for (let op = 1; op <= MEASURED_OPS; op++) {
    const nowMs = START_MS + LIVE_KEYS + op;
    contender.step(draw(), draw(), nowMs);
    if (op % EXPIRE_EVERY_OPS === 0) contender.expire(nowMs - LIVE_KEYS);
    if (op % STRETCH_OPS !== 0) continue;
    const atMs = performance.now();
    pauseMsMax = Math.max(pauseMsMax, atMs - stretchMs);
    stretchMs = atMs;
  }
  return { opsPerSecond: MEASURED_OPS / ((performance.now() - startMs) / 1_000), pauseMsMax, bytesPerKey };
}

function report(name: string, results: readonly Result[]): void {
  const mega = (median(results.map((result) => result.opsPerSecond)) / 1e6).toFixed(2);
  const pause = median(results.map((result) => result.pauseMsMax)).toFixed(1);
  const bytes = median(results.map((result) => result.bytesPerKey)).toFixed(0);
  console.log(`${name}: ${mega} M look-up-and-add/s, ${bytes} B a live key, longest pause ${pause} ms`);
}

function usedBytes(): number {
  (globalThis as { gc?: () => void }).gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
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
