import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseEventsBody } from '../schemas/event-json/events-body.ts';

const REPLAY = fileURLToPath(new URL('./replay.ts', import.meta.url));
const MAX_BODY_BYTES = 1_048_576;

let folder: string;
let edge: Server;
/** The `n` of every event that was taken, in order. */
let taken: number[];

/** An edge that takes bodies apart as ours does, and remembers. */
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'replay-'));
  taken = [];
  edge = createServer(async (request, reply) => {
    const body = Buffer.concat(await request.toArray());
    const say = (status: number, value: unknown) => reply.writeHead(status).end(JSON.stringify(value));
    if (body.length > MAX_BODY_BYTES) return say(413, { code: 'too_large', message: 'too large' });
    const parsed = parseEventsBody(body.toString(), request.headers['content-type']);
    if (!parsed.ok) return say(parsed.status, { code: parsed.code, message: parsed.message });
    const numbers = parsed.items.map((item) => (item as { n?: number }).n);
    taken.push(...numbers.filter((n) => n !== undefined));
    const rejected = numbers.flatMap((n, index) => (n === undefined ? [{ index, code: 'malformed', message: 'the line is not JSON' }] : []));
    return say(202, { received: numbers.length, accepted: numbers.length - rejected.length, duplicates: 0, rejected });
  });
  edge.listen(0, '127.0.0.1');
  await once(edge, 'listening');
});
afterEach(() => {
  edge.close();
  rmSync(folder, { recursive: true, force: true });
});

async function replay(name: string, content: string | Buffer, ...args: string[]) {
  const input = join(folder, name);
  writeFileSync(input, content);
  const url = `http://127.0.0.1:${(edge.address() as AddressInfo).port}`;
  const child = spawn(process.execPath, [REPLAY, '--input', input, '--edge', url, '--key', 'k', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  return { code, out, err, progress: JSON.parse(readFileSync(`${input}.progress`, 'utf8')) as { lines: number } };
}

const event = (n: number, more = {}) => JSON.stringify({ n, ...more });

test('a batch without a readable line is refused line by line, and the history goes on', async () => {
  const { code, out, err, progress } = await replay('bad.ndjson', ['{bad', '{bad', event(3), event(4)].join('\n'), '--batch', '2');
  expect([code, taken, progress.lines]).toEqual([0, [3, 4], 4]);
  expect(err.match(/line \d+/g)).toEqual(['line 1', 'line 2']);
  expect(out).toContain('2 accepted (0 duplicates), 2 rejected');
});

test('blank lines are lines: they are not sent, and a rejection names the line of the file', async () => {
  const { err, progress } = await replay('blank.ndjson', ['', event(2), '', '  ', '{bad', event(6), '', ''].join('\n'), '--batch', '3');
  expect([taken, progress.lines]).toEqual([[2, 6], 7]);
  expect(err.match(/line \d+/g)).toEqual(['line 5']);
});

test('long lines make smaller batches; a line that no body holds is refused alone', async () => {
  const pad = 'x'.repeat(400_000);
  const lines = [event(1, { pad }), event(2, { pad }), event(3, { pad }), event(4, { pad: 'x'.repeat(MAX_BODY_BYTES) }), event(5)];
  const { code, err } = await replay('long.ndjson', lines.join('\n'));
  expect([code, taken]).toEqual([0, [1, 2, 3, 5]]);
  expect(err.match(/line \d+: \w+/g)).toEqual(['line 4: too_large']);
});

test('one line that spoils its whole body is refused alone', async () => {
  const lines = [event(1), event(2), '['.repeat(30_000), event(4), event(5)];
  const { code, err, progress } = await replay('deep.ndjson', lines.join('\n'));
  expect([code, taken, progress.lines]).toEqual([0, [1, 2, 4, 5], 5]);
  expect(err.match(/line \d+: \w+/g)).toEqual(['line 3: malformed']);
});

test('gzip is unpacked by its name', async () => {
  const { code } = await replay('packed.ndjson.gz', gzipSync([event(1), event(2)].join('\n')));
  expect([code, taken]).toEqual([0, [1, 2]]);
});
