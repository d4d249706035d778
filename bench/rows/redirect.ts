import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EdgeBed } from '../beds/edge-bed.ts';
import { WorkerBed } from '../beds/worker-bed.ts';
import { boundNote, startBound } from '../bound.ts';
import { driveClicks, expectBilled, MAX_EVENTS } from '../load/clicks.ts';
import { writeLoad } from '../load/load-file.ts';
import { costOf, hasWrk, rateOf } from '../load/wrk.ts';
import { median, medianPair, short } from '../median.ts';
import type { Bench, RowSpec } from '../row.ts';

/** As recorded on a machine of this class; the two are not run again here. */
const RECORDED = { sink: 1_200, counterscale: 2_200 } as const;

const rows = [
  { id: 'redirect', what: 'redirect, the whole path: token, catalogue, screening, headers, event committed by its shard', unit: 'req/s', baselineIs: 'bare one-route Hono 302 on the same workerd', aim: { kind: 'faster', times: 0.9 } },
  { id: 'redirect-sink', what: 'the same', unit: 'req/s', baselineIs: 'Sink, as recorded', aim: { kind: 'faster', times: 10 } },
  { id: 'redirect-counterscale', what: 'the same', unit: 'req/s', baselineIs: 'Counterscale, as recorded', aim: { kind: 'faster', times: 5 } },
] as const satisfies readonly RowSpec[];

const BARE_HONO = fileURLToPath(new URL('../baselines/bare-hono.ts', import.meta.url));
const CONNECTIONS = 64;
const SECONDS = 3;
/** V8 optimises a function when it has run some ten thousand times; a server that runs for days is measured after that. */
const WARM_UP_SECONDS = 10;

/** A person follows a link, with everything that happens to him; beside it a worker that does nothing but redirect. */
export const redirectBench: Bench = {
  rows,
  async measure({ runs }) {
    if (!hasWrk()) return skipAll('wrk is not installed (Debian: apt-get install wrk)');
    const [edge, bare, bound] = [await EdgeBed.start(), await WorkerBed.start(BARE_HONO), await startBound()];
    try {
      const plain = writeLoad(join(edge.dir, 'plain'), { method: 'GET', items: [Buffer.from('/r')], mayRepeat: true });
      let impressions = 0;
      const ours = async (seconds: number) => {
        const seen = await driveClicks(edge, { seconds, connections: CONNECTIONS });
        impressions += seen.impressions;
        return seen;
      };
      const plainly = (bed: WorkerBed) => (seconds: number) => costOf(bed.workerd, { url: bed.url, file: plain, seconds, connections: CONNECTIONS });
      const [theirs, waiting] = [plainly(bare), plainly(bound)];
      for (const side of [ours, theirs, waiting]) await side(WARM_UP_SECONDS);
      const pairs = [];
      for (let run = 0; run < runs; run++) {
        const [our, their, least] = [await ours(SECONDS), await theirs(SECONDS), await waiting(SECONDS)];
        pairs.push({ value: rateOf(our), baseline: rateOf(their), cpu: our.cpuUs, bareCpu: their.cpuUs, bound: { ratio: rateOf(least) / rateOf(their), cpuUs: least.cpuUs } });
      }
      const { value, baseline } = medianPair(pairs);
      await expectBilled(edge);
      const clicksACommit = (edge.hub.eventCount - impressions) / (edge.hub.rowCount - impressions / MAX_EVENTS);
      const atOnceUs = await cpuAtOnce();
      const note = `CPU ${short(median(pairs.map(({ cpu }) => cpu)))} µs against ${short(median(pairs.map(({ bareCpu }) => bareCpu)))} µs a request, ${short(atOnceUs)} µs if it did not wait for its commit; ${clicksACommit.toFixed(1)} clicks a commit at ${CONNECTIONS} connections; ${boundNote(pairs.map(({ bound }) => bound))}`;
      const recorded = (baselineOf: number) => ({ value, baseline: baselineOf, note: 'recorded figure on the same class of machine, not run again' });
      return { redirect: { value, baseline, note }, 'redirect-sink': recorded(RECORDED.sink), 'redirect-counterscale': recorded(RECORDED.counterscale) };
    } finally {
      await Promise.all([edge.stop(), bare.stop(), bound.stop()]);
    }
  },
};

/** What a redirect costs that answers before its click is durable: an operator may choose that, we do not. */
async function cpuAtOnce(): Promise<number> {
  const edge = await EdgeBed.start({ redirectBudgetMs: 0 });
  try {
    await driveClicks(edge, { seconds: WARM_UP_SECONDS, connections: CONNECTIONS });
    return (await driveClicks(edge, { seconds: SECONDS, connections: CONNECTIONS })).cpuUs;
  } finally {
    await edge.stop();
  }
}

function skipAll(skipped: string): Record<string, { skipped: string }> {
  return Object.fromEntries(rows.map(({ id }) => [id, { skipped }]));
}
