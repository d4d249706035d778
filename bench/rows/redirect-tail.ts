import { EdgeBed } from '../beds/edge-bed.ts';
import { driveClicks, expectBilled } from '../load/clicks.ts';
import { hasWrk, rateOf } from '../load/wrk.ts';
import { medianPair, short } from '../median.ts';
import type { Bench } from '../row.ts';

const CONNECTIONS = 64;
/** Several whole collections, which come every few thousand requests, must fall into it: they are the tail. */
const SECONDS = 20;
const WARM_UP_SECONDS = 5;
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
      const [shipped, plain] = [await tailOf(sides[0]!), await tailOf(sides[1]!)];
      const pairs = [];
      for (let run = 0; run < runs; run++) {
        const [ours, theirs] = [await shipped(), await plain()];
        pairs.push({ value: ours.p999Ms, baseline: theirs.p999Ms, rate: ours.rate });
      }
      for (const side of sides) await expectBilled(side);
      const { value, baseline } = medianPair(pairs);
      return { 'redirect-tail': { value, baseline, note: `at ${short(pairs[0]!.rate)} req/s` } };
    } finally {
      await Promise.all(sides.map((side) => side.stop()));
    }
  },
};

type Tail = { readonly p999Ms: number; readonly rate: number };

/** Finds the full load, and then measures at half of it. */
async function tailOf(bed: EdgeBed): Promise<() => Promise<Tail>> {
  const warmUp = () => driveClicks(bed, { connections: CONNECTIONS, seconds: WARM_UP_SECONDS });
  await warmUp();
  const fullRate = rateOf(await warmUp());
  const pauseMs = Math.max(1, Math.round((CONNECTIONS * 1_000) / (fullRate * SHARE_OF_FULL_LOAD)));
  return async () => {
    const seen = await driveClicks(bed, { connections: CONNECTIONS, seconds: SECONDS, pauseMs });
    return { p999Ms: seen.p999Us / 1_000, rate: rateOf(seen) };
  };
}
