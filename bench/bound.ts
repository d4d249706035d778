import { fileURLToPath } from 'node:url';
import { WorkerBed } from './beds/worker-bed.ts';
import { median, short } from './median.ts';

const COMMIT_ONLY = fileURLToPath(new URL('./baselines/commit-only.ts', import.meta.url));

/** The least that an answer costs which waits for its commit: more than this nobody gets who does more. */
export function startBound(): Promise<WorkerBed> {
  return WorkerBed.start(COMMIT_ONLY, 'CommitOnly');
}

/** What the bound came to: its rates beside the row's baseline, and its CPU in µs. */
export function boundNote(rounds: readonly { readonly ratio: number; readonly cpuUs: number }[]): string {
  return `a worker that does nothing but wait for such a commit: ${short(median(rounds.map(({ ratio }) => ratio)))} ×, CPU ${short(median(rounds.map(({ cpuUs }) => cpuUs)))} µs`;
}
