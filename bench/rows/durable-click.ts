import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EdgeBed, INGEST_KEY } from '../beds/edge-bed.ts';
import { WorkerBed } from '../beds/worker-bed.ts';
import { boundNote, startBound } from '../bound.ts';
import { impressions, jsonBody } from '../load/events.ts';
import { writeLoad } from '../load/load-file.ts';
import { costOf, hasWrk, rateOf } from '../load/wrk.ts';
import { median, medianPair, short } from '../median.ts';
import type { Bench } from '../row.ts';

const ROW_PER_EVENT = fileURLToPath(new URL('../baselines/row-per-event.ts', import.meta.url));
const CONNECTIONS = 64;
const SECONDS = 3;
/** A server that runs for days is measured, not V8's compiler: as for redirects. */
const WARM_UP_SECONDS = 10;
/** More than either side takes while it is warmed up or measured, or repeats would be. */
const BODIES = 150_000;

/** One click a request, answered when it is durable; beside it a durable object that writes a row for each. */
export const durableClickBench: Bench = {
  rows: [
    {
      id: 'durable-click',
      what: 'counted click, answered when its commit is durable (POST /v1/events, one event each, 64 at a time)',
      unit: 'req/s',
      baselineIs: 'a durable object that writes one SQLite row an event',
      aim: { kind: 'faster', times: 5 },
    },
  ],
  async measure({ runs }) {
    if (!hasWrk()) return { 'durable-click': { skipped: 'wrk is not installed (Debian: apt-get install wrk)' } };
    const [edge, plain, bound] = [await EdgeBed.start(), await WorkerBed.start(ROW_PER_EVENT, 'RowPerEvent'), await startBound()];
    try {
      const headers = { authorization: `Bearer ${INGEST_KEY}`, 'content-type': 'application/json' };
      const side = (bed: EdgeBed | WorkerBed, path: string) => async (seconds: number) => {
        // New events each time, or the second run would measure duplicates.
        const file = writeLoad(join(edge.dir, 'clicks'), { method: 'POST', items: freshClicks() });
        return costOf(bed.workerd, { url: `${bed.url}${path}`, file, headers, seconds, connections: CONNECTIONS });
      };
      const [ours, theirs, waiting] = [side(edge, '/v1/events'), side(plain, '/'), side(bound, '/')];
      for (const warmUp of [ours, theirs, waiting]) await warmUp(WARM_UP_SECONDS);
      const pairs: { value: number; baseline: number; cpu: number; plainCpu: number; bound: { ratio: number; cpuUs: number } }[] = [];
      for (let run = 0; run < runs; run++) {
        const [our, their, least] = [await ours(SECONDS), await theirs(SECONDS), await waiting(SECONDS)];
        pairs.push({ value: rateOf(our), baseline: rateOf(their), cpu: our.cpuUs, plainCpu: their.cpuUs, bound: { ratio: rateOf(least) / rateOf(their), cpuUs: least.cpuUs } });
      }
      const cpu = (key: 'cpu' | 'plainCpu') => short(median(pairs.map((pair) => pair[key])));
      return { 'durable-click': { ...medianPair(pairs), note: `CPU ${cpu('cpu')} µs against ${cpu('plainCpu')} µs an event; ${boundNote(pairs.map(({ bound }) => bound))}` } };
    } finally {
      await Promise.all([edge.stop(), plain.stop(), bound.stop()]);
    }
  },
};

function freshClicks(): Uint8Array[] {
  return impressions(BODIES, { ads: 1 }).map(({ impressionId, ...event }) => jsonBody({ ...event, eventType: 'click', clickId: impressionId! }));
}
