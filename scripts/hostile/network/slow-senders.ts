import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { open, sendRaw } from './raw-http.ts';
import { landingOf, type World } from './world.ts';

const SENDERS = 200;
const FORGED = `x-edgetally-signature: t=${Date.now()},h=${'0'.repeat(64)},v1=${'0'.repeat(64)}`;

/** Connections that begin and never end. */
export function slowSenders(world: () => World): void {
  describe('slow senders', () => {
    test('hundreds at every door, and people, senders and shards are served as ever', { timeout: 60_000 }, async () => {
      const { edgeUrl, hubUrl } = world().info;
      const key = world().key('ingest');
      const beginnings: readonly (readonly [string, string])[] = [
        [edgeUrl, 'GET /v1/c/'],
        [edgeUrl, `POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{"events":[`],
        [edgeUrl, `POST /v1/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"eve`],
        [hubUrl, 'GET /v1/query?'],
        [hubUrl, `POST /v1/flush HTTP/1.1\r\nHost: x\r\n${FORGED}\r\nContent-Length: 8388608\r\n\r\nabc`],
        [hubUrl, `POST /v1/flush HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde`],
      ];
      await world().staysFlat('slow senders', 150, async () => {
        const sockets = beginnings.flatMap(([url, beginning]) =>
          Array.from({ length: SENDERS }, () => {
            const socket = open(url);
            socket.write(beginning);
            return socket;
          }),
        );
        await delay(1_000);
        const drip = setInterval(() => sockets.forEach((socket) => socket.writable && socket.write(' ')), 500);
        try {
          for (let round = 0; round < 5; round++) {
            const startedAt = Date.now();
            const [link] = await world().mint('acme');
            const reply = await world().ask('edge', link!.path);
            expect([reply.status, reply.headers.get('location')]).toEqual([302, landingOf('acme')]);
            expect((await world().ask('edge', '/v1/events', { key, method: 'POST', body: { eventType: 'click', clickId: `slow-${round}`, adId: 'ad-acme', publisherId: 'pub-acme' } })).status).toBe(202);
            const report = await world().ask('hub', '/v1/ops/pipeline', { key: world().key('ops') });
            expect(report.status).toBe(200);
            expect((await world().ask('hub', '/v1/flush', { method: 'POST', body: 'x' })).status).toBe(401);
            expect(Date.now() - startedAt).toBeLessThan(5_000);
            await delay(200);
          }
        } finally {
          clearInterval(drip);
          sockets.forEach((socket) => socket.destroy());
        }
      });
    });

    test('requests that are no HTTP, or too much of it, cost their sender the connection and nobody else anything', async () => {
      for (const url of [world().info.edgeUrl, world().info.hubUrl]) {
        const nonsense = [
          '\r\n\r\n', '\0\0\0\0', 'GET\r\n\r\n', 'GET / HTTP/9.9\r\n\r\n', 'G\xffT / HTTP/1.1\r\nHost: x\r\n\r\n', 'GET / HTTP/1.1\r\n: x\r\n\r\n', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
          'GET / HTTP/1.1\r\nHost: a b/@c\r\n\r\n', 'GET //evil.example/%zz%00 HTTP/1.1\r\nHost: x\r\n\r\n', 'GET /v1/keys/%ff%fe HTTP/1.1\r\nHost: x\r\n\r\n', 'TRACE / HTTP/1.1\r\nHost: x\r\n\r\n',
          'POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n', 'POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n', 'POST /v1/flush HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
          `GET /${'x'.repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, `GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(200_000)}\r\n\r\n`, `GET / HTTP/1.1\r\nHost: x\r\n${'A: b\r\n'.repeat(20_000)}\r\n`,
        ];
        const replies = await Promise.all(nonsense.map((bytes) => sendRaw(url, Buffer.from(`${bytes}`, 'latin1'))));
        for (const [index, { status, text }] of replies.entries()) {
          world().hear(JSON.stringify(nonsense[index]!.slice(0, 60)), status, text);
          expect([nonsense[index]!.slice(0, 60), status === 500]).toEqual([nonsense[index]!.slice(0, 60), false]);
        }
        expect((await fetch(`${url}/healthz`)).status).toBe(200);
      }
    });
  });
}
