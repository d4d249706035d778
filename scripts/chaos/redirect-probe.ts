import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from './http.ts';

/**
 * A process: people who follow links, one each `GAP_MS`, apart from whoever floods the network, so that their waits are the network's own. Its parent sends
 * `{urls}`; it follows each once and answers `{follows}`, in the same order, when told `end`.
 */
const GAP_MS = 100;
const AGENT = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36';

/** How one link was answered; status 0 = not at all. */
export type Follow = { readonly status: number; readonly tookMs: number };

const follows: Promise<Follow>[] = [];
const over = new AbortController();
process.on('disconnect', () => process.exit(1));
process.on('message', (message: { urls: readonly string[] } | 'end') => {
  if (message === 'end') over.abort();
  else void followAll(message.urls);
});
process.stdout.write('probe ready\n');

async function followAll(urls: readonly string[]): Promise<void> {
  for (const url of urls) {
    if (over.signal.aborted) break;
    follows.push(follow(url));
    await sleep(GAP_MS);
  }
  while (!over.signal.aborted) await sleep(GAP_MS);
  process.send?.({ follows: await Promise.all(follows) }, () => process.exit(0));
}

async function follow(url: string): Promise<Follow> {
  const answer = await ask(url, { headers: { 'user-agent': AGENT } });
  return answer.kind === 'none' ? { status: 0, tookMs: 0 } : { status: answer.status, tookMs: answer.tookMs };
}
