import { createReadStream, existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Command, InvalidArgumentError } from 'commander';

/** What `/v1/events` takes at once (DESIGN §3). */
const MAX_BATCH = 1_000;
const MAX_ATTEMPTS = 60;
const PROGRESS_EVERY_MS = 500;

type ReplayOptions = { input: string; edge: string; key: string; batch: number; restart: boolean };
/** Lines of the input that were acknowledged, and what became of them. */
type Progress = { lines: number; accepted: number; duplicates: number; rejected: number };

const options = parseOptions();
const progressFile = `${options.input}.progress`;
await replay(options);

async function replay({ input, batch }: ReplayOptions): Promise<void> {
  const total = statSync(input).size;
  const progress = loadProgress();
  if (progress.lines > 0) console.error(`replay: going on after line ${progress.lines} (${progressFile}; --restart begins anew)`);
  const startedAtMs = Date.now();
  let line = 0;
  let bytes = 0;
  let shownAtMs = 0;
  let sent = 0;
  let pending: string[] = [];
  const flush = async (): Promise<void> => {
    if (pending.length === 0) return;
    add(progress, await send(pending, line - pending.length), pending.length);
    sent += pending.length;
    pending = [];
    saveProgress(progress);
    if (Date.now() - shownAtMs < PROGRESS_EVERY_MS) return;
    shownAtMs = Date.now();
    process.stderr.write(`\rreplay: ${progressLine(progress, bytes / total, sent / Math.max(0.001, (Date.now() - startedAtMs) / 1000))}`);
  };
  for await (const text of createInterface({ input: createReadStream(input), crlfDelay: Infinity })) {
    bytes += Buffer.byteLength(text) + 1;
    line += 1;
    if (line <= progress.lines) continue;
    pending.push(text);
    if (pending.length === batch) await flush();
  }
  await flush();
  process.stderr.write('\n');
  console.log(`replay: done, ${progressLine(progress, 1, sent / Math.max(0.001, (Date.now() - startedAtMs) / 1000))}`);
}

/** Sends one batch until it is acknowledged; rejections are printed and do not stop the rest. */
async function send(lines: readonly string[], firstLine: number): Promise<Omit<Progress, 'lines'>> {
  for (let attempt = 1; ; attempt++) {
    const reply = await post(lines).catch((error: unknown) => error as Error);
    const problem = reply instanceof Error ? reply.message : `status ${reply.status}`;
    if (!(reply instanceof Error)) {
      const body = (await reply.json().catch(() => ({}))) as {
        accepted?: number;
        duplicates?: number;
        rejected?: { index: number; code: string; message: string }[];
        code?: string;
        message?: string;
      };
      if (reply.status === 409) return { accepted: 1, duplicates: 1, rejected: 0 };
      if (reply.status === 202) {
        for (const { index, code, message } of body.rejected ?? []) console.error(`\nline ${firstLine + index + 1}: ${code}: ${message}`);
        return { accepted: body.accepted ?? 0, duplicates: body.duplicates ?? 0, rejected: body.rejected?.length ?? 0 };
      }
      if (reply.status < 500) fail(`${options.edge}/v1/events answered ${reply.status} ${body.code ?? ''}: ${body.message ?? ''} (after line ${firstLine})`);
    }
    if (attempt === MAX_ATTEMPTS) fail(`gave up after ${attempt} attempts (${problem}); run the same command again to go on`);
    await new Promise((resolve) => setTimeout(resolve, Math.min(5_000, 200 * attempt)));
  }
}

function post(lines: readonly string[]): Promise<Response> {
  return fetch(`${options.edge}/v1/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${options.key}`, 'content-type': 'application/x-ndjson' },
    body: lines.join('\n'),
  });
}

function add(progress: Progress, outcome: Omit<Progress, 'lines'>, lines: number): void {
  progress.lines += lines;
  progress.accepted += outcome.accepted;
  progress.duplicates += outcome.duplicates;
  progress.rejected += outcome.rejected;
}

function progressLine(progress: Progress, share: number, perSecond: number): string {
  const { lines, accepted, duplicates, rejected } = progress;
  return `${(share * 100).toFixed(1)} %, ${lines} lines, ${accepted} accepted (${duplicates} duplicates), ${rejected} rejected, ${Math.round(perSecond)}/s  `;
}

function loadProgress(): Progress {
  if (options.restart || !existsSync(progressFile)) return { lines: 0, accepted: 0, duplicates: 0, rejected: 0 };
  return JSON.parse(readFileSync(progressFile, 'utf8')) as Progress;
}

function saveProgress(progress: Progress): void {
  writeFileSync(`${progressFile}.new`, JSON.stringify(progress));
  renameSync(`${progressFile}.new`, progressFile);
}

function parseOptions(): ReplayOptions {
  const options = new Command('npm run replay --')
    .description('Sends history (one event a line, with receivedAtMs) through POST /v1/events. Stopped anywhere, the same command goes on.')
    .requiredOption('--input <file.ndjson>', 'events in order of arrival, at most 24 h out of order')
    .option('--edge <url>', 'a POP', process.env.EDGE_URL ?? 'http://127.0.0.1:8787')
    .option('--key <key>', 'API key with scope replay (or REPLAY_KEY)', process.env.REPLAY_KEY)
    .option('--batch <n>', 'events a request', parseBatch, 500)
    .option('--restart', 'forget how far an earlier run came', false)
    .parse()
    .opts<ReplayOptions>();
  if (!options.key) fail('no key: npm start prints one with scope replay; pass it as --key or REPLAY_KEY');
  if (!existsSync(options.input)) fail(`${options.input}: no such file`);
  return options;
}

function parseBatch(text: string): number {
  const batch = Number(text);
  if (!Number.isInteger(batch) || batch < 1 || batch > MAX_BATCH) throw new InvalidArgumentError(`from 1 to ${MAX_BATCH}`);
  return batch;
}

function fail(message: string): never {
  console.error(`replay: ${message}`);
  process.exit(1);
}
