/**
 * What people build first: a Node server, ioredis and a local Redis. A JSON batch comes in, each event is claimed with `SET NX EX`, each new
 * one counted with `HINCRBY`, both pipelined. Not durable, and Redis has a core of its own. Arguments: port, Redis's port.
 */
import { createServer } from 'node:http';
import { Redis } from 'ioredis';

const [port, redisPort] = process.argv.slice(2).map(Number) as [number, number];
const redis = new Redis(redisPort, '127.0.0.1');
const ID_LIFE_S = 86_400;

type Event = { readonly impressionId: string; readonly adId: string; readonly timestampMs: number; readonly country: string; readonly deviceType: string };

async function ingest(events: readonly Event[]): Promise<{ accepted: number; duplicates: number }> {
  const claims = redis.pipeline();
  for (const { impressionId } of events) claims.set(`e:${impressionId}`, '1', 'EX', ID_LIFE_S, 'NX');
  const claimed = (await claims.exec()) ?? [];
  const fresh = events.filter((_, i) => claimed[i]?.[1] === 'OK');
  const counts = redis.pipeline();
  for (const { adId, timestampMs, country, deviceType } of fresh) counts.hincrby(`c:${adId}:${Math.floor(timestampMs / 60_000)}`, `${country}|${deviceType}`, 1);
  await counts.exec();
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
