import { setTimeout as sleep } from 'node:timers/promises';
import type { Deed, Play } from './scenario.ts';

/** Repeats a deed, with traffic in between. */
export async function repeatedly(times: number, gapMs: number, deed: (round: number) => Promise<number>): Promise<Deed> {
  let liftedAtMs = 0;
  for (let round = 0; round < times; round++) {
    if (round > 0) await sleep(gapMs + Math.random() * 500);
    liftedAtMs = await deed(round);
  }
  return { times, liftedAtMs };
}

/** Kills children of the supervisor outright; healing counts from the kill, as they are started again by themselves. */
export async function killChildren({ stage }: Play, names: readonly ('workerd' | 'hub')[]): Promise<number> {
  const atMs = performance.now();
  await stage.network.kill(...names);
  return atMs;
}

/** Stops a process as it stands, for `forMs`: it holds its connections and answers nothing. */
export async function freeze(pid: number, forMs: number): Promise<number> {
  process.kill(pid, 'SIGSTOP');
  try {
    await sleep(forMs);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  return performance.now();
}
