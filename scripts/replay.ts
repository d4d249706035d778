import { createReadStream, existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { Command, InvalidArgumentError, Option } from 'commander';

/** What `/v1/events` takes at once (DESIGN §3). */
const MAX_BATCH = 1_000;
const MAX_BODY_BYTES = 1_048_576;
const MAX_ATTEMPTS = 60;
const PROGRESS_EVERY_MS = 500;

type ReplayOptions = { input: string; edge: string; key: string; batch: number; restart: boolean };
/** Lines of the input that are done with, and what became of them. */
type Progress = { lines: number; accepted: number; duplicates: number; rejected: number };
type Outcome = Omit<Progress, 'lines'>;
/** A line that holds something, and its number in the input, from 1. */
type Line = { readonly number: number; readonly text: string };

const options = parseOptions();
const progressFile = `${options.input}.progress`;
await replay(options);

async function replay({ input, batch }: ReplayOptions): Promise<void> {
  const total = statSync(input).size;
  const progress = loadProgress();
  if (progress.lines > 0) console.error(`replay: going on after line ${progress.lines} (${progressFile}; --restart begins anew)`);
  const file = createReadStream(input);
  const startedAtMs = Date.now();
  let line = 0;
  let shownAtMs = 0;
  let sent = 0;
  let pending: Line[] = [];
  let pendingBytes = 0;
  const flush = async (doneLines: number): Promise<void> => {
    if (pending.length > 0) add(progress, await send(pending));
    sent += pending.length;
    pending = [];
    pendingBytes = 0;
    progress.lines = Math.max(progress.lines, doneLines);
    saveProgress(progress);
    if (Date.now() - shownAtMs < PROGRESS_EVERY_MS) return;
    shownAtMs = Date.now();
    process.stderr.write(`\rreplay: ${progressLine(progress, total === 0 ? 1 : file.bytesRead / total, sent / Math.max(0.001, (Date.now() - startedAtMs) / 1000))}`);
  };
  const lines = createInterface({ input: input.endsWith('.gz') ? file.pipe(createGunzip()) : file, crlfDelay: Infinity });
  for await (const text of lines) {
    line += 1;
    if (line <= progress.lines || text.trim() === '') continue;
    const bytes = Buffer.byteLength(text) + 1;
    if (pending.length === batch || pendingBytes + bytes > MAX_BODY_BYTES) await flush(line - 1);
    pending.push({ number: line, text });
    pendingBytes += bytes;
  }
  await flush(line);
  process.stderr.write('\n');
  console.log(`replay: done, ${progressLine(progress, 1, sent / Math.max(0.001, (Date.now() - startedAtMs) / 1000))}`);
}

/** Sends one batch until it is answered for; rejections are printed and do not stop the rest. */
async function send(lines: readonly Line[]): Promise<Outcome> {
  for (let attempt = 1; ; attempt++) {
    const reply = await post(lines).catch((error: unknown) => error as Error);
    const problem = reply instanceof Error ? reply.message : `status ${reply.status}`;
    if (!(reply instanceof Error) && (reply.status === 400 || reply.status === 413) && lines.length > 1) return sendHalves(lines);
    if (!(reply instanceof Error) && reply.status < 500) return outcomeOf(lines, reply.status, await bodyOf(reply));
    if (attempt === MAX_ATTEMPTS) fail(`gave up after ${attempt} attempts (${problem}); run the same command again to go on`);
    await new Promise((resolve) => setTimeout(resolve, Math.min(5_000, 200 * attempt)));
  }
}

/** A body is refused whole for one line that is too long or too deep: what is wrong is found by halving, and the others are none the worse. */
async function sendHalves(lines: readonly Line[]): Promise<Outcome> {
  const middle = Math.ceil(lines.length / 2);
  const outcome = await send(lines.slice(0, middle));
  add(outcome, await send(lines.slice(middle)));
  return outcome;
}

type ReplyBody = { accepted?: number; duplicates?: number; rejected?: { index: number; code: string; message: string }[]; code?: string; message?: string };

async function bodyOf(reply: Response): Promise<ReplyBody> {
  return (await reply.json().catch(() => ({}))) as ReplyBody;
}

function outcomeOf(lines: readonly Line[], status: number, body: ReplyBody): Outcome {
  const refused = body.rejected ?? [];
  switch (status) {
    case 202:
      for (const { index, code, message } of refused) console.error(`\nline ${lines[index]?.number}: ${code}: ${message}`);
      return { accepted: body.accepted ?? 0, duplicates: body.duplicates ?? 0, rejected: refused.length };
    case 409:
      return { accepted: 1, duplicates: 1, rejected: 0 };
    case 400:
    case 413:
      console.error(`\nline ${lines[0]?.number}: ${body.code}: ${body.message}`);
      return { accepted: 0, duplicates: 0, rejected: 1 };
    default:
      return fail(`${options.edge}/v1/events answered ${status} ${body.code ?? ''}: ${body.message ?? ''} (lines ${lines[0]?.number} to ${lines.at(-1)?.number})`);
  }
}

function post(lines: readonly Line[]): Promise<Response> {
  return fetch(`${options.edge}/v1/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${options.key}`, 'content-type': 'application/x-ndjson' },
    body: lines.map(({ text }) => text).join('\n'),
  });
}

function add(sum: Outcome, outcome: Outcome): void {
  sum.accepted += outcome.accepted;
  sum.duplicates += outcome.duplicates;
  sum.rejected += outcome.rejected;
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
    .requiredOption('--input <file>', 'NDJSON, plain or .gz: events in order of arrival, at most 24 h out of order')
    .addOption(new Option('--edge <url>', 'a POP').argParser(parseUrl).default('http://127.0.0.1:8787').env('EDGE_URL'))
    .option('--key <key>', 'API key with scope replay (or REPLAY_KEY)', process.env.REPLAY_KEY)
    .option('--batch <n>', 'events a request', parseBatch, 500)
    .option('--restart', 'forget how far an earlier run came', false)
    .parse()
    .opts<ReplayOptions>();
  if (!options.key) fail('no key: npm start prints one with scope replay; pass it as --key or REPLAY_KEY');
  if (!existsSync(options.input)) fail(`${options.input}: no such file`);
  if (!statSync(options.input).isFile()) fail(`${options.input} is no file: replay sends one file at a time`);
  return options;
}

function parseUrl(text: string): string {
  if (!/^https?:\/\/[^/\s]+\/?$/.test(text)) throw new InvalidArgumentError('a URL without a path is wanted, such as http://127.0.0.1:8787');
  return text.replace(/\/$/, '');
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
