import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { RunningNetwork } from '../../local/testing/running-network.ts';
import { median } from '../median.ts';
import type { Bench } from '../row.ts';

/** Until the garbage of the start is gone and nothing moves. */
const SETTLE_MS = 8_000;

/** `npm start` as a newcomer meets it, but for the download. */
export const startBench: Bench = {
  rows: [
    { id: 'start-ready', what: '`npm start`, warm node_modules, until everything answers', unit: 's', baselineIs: '', aim: { kind: 'atMost', limit: 10 } },
    { id: 'start-memory', what: 'the same, resident memory when idle, all processes', unit: 'MB', baselineIs: '', aim: { kind: 'atMost', limit: 900 } },
  ],
  async measure({ runs }) {
    const seconds: number[] = [];
    const megabytes: number[] = [];
    for (let run = 0; run < Math.min(runs, 3); run++) {
      const startMs = performance.now();
      const network = await RunningNetwork.start();
      seconds.push((performance.now() - startMs) / 1_000);
      await sleep(SETTLE_MS);
      const pids = Object.values(network.info.pids);
      megabytes.push(pids.reduce((sum, pid) => sum + residentMb(pid), 0));
      await network.dispose();
    }
    return { 'start-ready': { value: median(seconds), baseline: null }, 'start-memory': { value: median(megabytes), baseline: null, note: 'supervisor, workerd and hub with its engine; no demo' } };
  },
};

function residentMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1_024;
}
