import { join } from 'node:path';
import { EdgeBed } from '../beds/edge-bed.ts';
import { clickPaths, sendImpressionsOf, writePaths } from '../load/clicks.ts';
import { hasWrk, load, rateOf } from '../load/wrk.ts';
import { medianPair, short } from '../median.ts';
import type { Bench } from '../row.ts';

const CONNECTIONS = 64;
/** Several whole collections, which come every few ten thousand requests, must fall into it: they are the tail. */
const SECONDS = 20;
const PATHS = 100_000;
/** Of what the same machine can do at this moment. */
const SHARE_OF_FULL_LOAD = 0.5;

/** The slowest thousandth of redirects under half load, with and without our flags for V8. */
export const redirectTailBench: Bench = {
  rows: [
    { id: 'redirect-tail', what: 'redirect, p99.9 under 50 % load, with our workerd flags', unit: 'ms', baselineIs: 'the same without them', aim: { kind: 'lower', times: 10 } },
  ],
  async measure({ runs }) {
    if (!hasWrk()) return { 'redirect-tail': { skipped: 'wrk is not installed (Debian: apt-get install wrk)' } };
    const sides = [await EdgeBed.start(), await EdgeBed.start({ v8Flags: [] })];
    try {
      const [shipped, plain] = await Promise.all(sides.map(tailOf)) as [() => Promise<Tail>, () => Promise<Tail>];
      const pairs = [];
      for (let run = 0; run < runs; run++) {
        const [ours, theirs] = [await shipped(), await plain()];
        pairs.push({ value: ours.p999Ms, baseline: theirs.p999Ms, rate: ours.rate });
      }
      const { value, baseline } = medianPair(pairs);
      return { 'redirect-tail': { value, baseline, note: `at ${short(pairs[0]!.rate)} req/s` } };
    } finally {
      await Promise.all(sides.map((side) => side.stop()));
    }
  },
};

type Tail = { readonly p999Ms: number; readonly rate: number };

/** Finds the full load once, and then measures at half of it. */
async function tailOf(bed: EdgeBed): Promise<() => Promise<Tail>> {
  const paths = clickPaths({ signer: bed.signer, count: PATHS, ads: 1 });
  const file = writePaths(join(bed.dir, 'clicks'), paths);
  await sendImpressionsOf(paths, bed);
  const options = { script: 'paths', url: bed.url, file, connections: CONNECTIONS } as const;
  let fullRate = 0;
  return async () => {
    if (fullRate === 0) {
      await load({ ...options, seconds: 2 });
      fullRate = rateOf(await load({ ...options, seconds: 2 }));
    }
    const pauseMs = Math.max(1, Math.round((CONNECTIONS * 1_000) / (fullRate * SHARE_OF_FULL_LOAD)));
    const seen = await load({ ...options, seconds: SECONDS, pauseMs });
    return { p999Ms: seen.p999Us / 1_000, rate: rateOf(seen) };
  };
}
