/**
 * What people build first: a Node server, a local Redis. A JSON batch comes in, each event is claimed with `SET NX EX`, each new
 * one counted with `HINCRBY`, both pipelined. Not durable, and Redis has a core of its own. The client is forty lines of RESP: less work an event
 * than a general one does. Arguments: port, Redis's port.
 */
import { createServer } from 'node:http';
import { connect } from 'node:net';

const [port, redisPort] = process.argv.slice(2).map(Number) as [number, number];
const socket = connect(redisPort, '127.0.0.1');
socket.setNoDelay(true);

type Waiting = { left: number; readonly replies: string[]; readonly resolve: (replies: string[]) => void };
const waiting: Waiting[] = [];
let rest = '';

socket.on('data', (chunk) => {
  const lines = (rest + chunk.toString('latin1')).split('\r\n');
  rest = lines.pop() ?? '';
  for (const line of lines) {
    const [first] = waiting;
    if (first === undefined) continue;
    first.replies.push(line);
    first.left -= 1;
    if (first.left > 0) continue;
    waiting.shift();
    first.resolve(first.replies);
  }
});

/** Replies here are one line each: `+OK`, `$-1`, `:7`. */
function pipeline(commands: string, count: number): Promise<string[]> {
  if (count === 0) return Promise.resolve([]);
  return new Promise((resolve) => {
    waiting.push({ left: count, replies: [], resolve });
    socket.write(commands);
  });
}

const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;
const claim = (id: string): string => `*6\r\n$3\r\nSET\r\n${bulk(`e:${id}`)}$1\r\n1\r\n$2\r\nNX\r\n$2\r\nEX\r\n$5\r\n86400\r\n`;
const count = (key: string, field: string): string => `*4\r\n$7\r\nHINCRBY\r\n${bulk(key)}${bulk(field)}$1\r\n1\r\n`;

type Event = { readonly impressionId: string; readonly adId: string; readonly timestampMs: number; readonly country: string; readonly deviceType: string };

async function ingest(events: readonly Event[]): Promise<{ accepted: number; duplicates: number }> {
  const claims = await pipeline(events.map(({ impressionId }) => claim(impressionId)).join(''), events.length);
  const fresh = events.filter((_, i) => claims[i] === '+OK');
  const commands = fresh.map(({ adId, timestampMs, country, deviceType }) => count(`c:${adId}:${Math.floor(timestampMs / 60_000)}`, `${country}|${deviceType}`));
  await pipeline(commands.join(''), fresh.length);
  return { accepted: events.length, duplicates: events.length - fresh.length };
}

createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    if (request.method !== 'POST') return response.end('ok');
    const { events } = JSON.parse(Buffer.concat(chunks).toString()) as { events: Event[] };
    void ingest(events).then((reply) => response.writeHead(202, { 'content-type': 'application/json' }).end(JSON.stringify(reply)));
  });
}).listen(port, '127.0.0.1');
