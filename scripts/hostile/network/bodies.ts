import { promisify } from 'node:util';
import { gunzipSync, gzip as gzipInBackground, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { realData } from '../../../schemas/testing/real-data.ts';
import { filesOfTar } from '../testing/tar.ts';
import type { Reply, World } from './world.ts';

const MIB = 1_048_576;
const FIELDS = ['clickId', 'adId', 'campaignId', 'creativeId', 'publisherId', 'placementId', 'impressionId', 'timestamp', 'userPseudoId', 'ipHash', 'userAgent', 'deviceType', 'country', 'referrer', 'bidRequestId', 'currency', 'token', 'eventType', 'consent', 'schemaVersion', 'valueMicros', 'receivedAtMs'];
const event = { eventType: 'click', clickId: 'h-1', adId: 'ad-acme', publisherId: 'pub-acme' };
const nested = (depth: number, opener = '[', closer = ']') => opener.repeat(depth) + closer.repeat(depth);
const inEvent = (json: string) => `{"events":[{"eventType":"click","clickId":"h-1","adId":"ad-acme","extra":${json}}]}`;

/** Bodies that want to crash, bend or fill up whoever reads them. */
export function bodies(world: () => World): void {
  const send = (body: string | Buffer, headers: Record<string, string> = {}, path = '/v1/events'): Promise<Reply> =>
    world().ask('edge', path, { key: world().key('ingest'), method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });
  const gzip = { 'content-encoding': 'gzip' };

  describe('bodies', () => {
    const archive = realData('json/JSONTestSuite_even.tar.gz');
    test.skipIf(archive === null)('JSONTestSuite, as it is and inside an event: refused or read as documented, at the edge and at the hub', { timeout: 60_000 }, async () => {
      let files = 0;
      for (const { name, bytes } of filesOfTar(gunzipSync(archive!))) {
        files++;
        for (const type of ['application/json', 'text/plain', 'application/x-ndjson']) expect([name, (await postBytes(world(), bytes, type)).status]).toEqual([name, 400]);
        for (const [method, path] of [['PUT', '/v1/catalogue'], ['POST', '/v1/keys'], ['POST', '/v1/ops/token-keys']] as const) {
          // A catalogue with nothing in it, and key settings that change nothing, are no mistakes.
          if (/^\s*\{\s*\}\s*$/.test(bytes.toString('utf8')) && path !== '/v1/keys') continue;
          const reply = await world().ask('hub', path, { key: world().key('ops'), method, body: bytes, headers: { 'content-type': 'application/json' } });
          expect([name, path, reply.status]).toEqual([name, path, 400]);
        }
      }
      expect(files).toBe(155);
    });

    const naughty = realData('strings/blns.json');
    test.skipIf(naughty === null)('naughty strings in every field: each event is taken or refused by index, none is lost', { timeout: 60_000 }, async () => {
      const strings = JSON.parse(naughty!.toString('utf8')) as string[];
      const putIn = async (text: string, index: number): Promise<void> => {
        const events = FIELDS.map((field) => ({ ...event, clickId: `n-${index}-${field}`, [field]: text }));
        const { status, json } = await send(JSON.stringify({ events }));
        const { received, accepted, rejected } = json as { received: number; accepted: number; rejected: { index: number; code: string; message: string }[] };
        expect([text, status, received, accepted + rejected.length]).toEqual([text, 202, FIELDS.length, FIELDS.length]);
        for (const { index: at, code, message } of rejected) expect([at >= 0 && at < FIELDS.length, typeof code, message.length < 300]).toEqual([true, 'string', true]);
        const click = await send(JSON.stringify({ click_id: text, ad_id: text, timestamp_ms: Date.now(), user_id: text, country: text }), {}, '/v1/click');
        expect([text, [302, 400, 404].includes(click.status)]).toEqual([text, true]);
        if (index % 8 !== 0) return;
        const nonces = await world().ask('edge', '/v1/nonces', { key: world().key('publisher:acme'), method: 'POST', body: { adId: text, publisherId: text, placementId: text, userPseudoId: text } });
        expect([text, [400, 403, 404].includes(nonces.status)]).toEqual([text, true]);
      };
      for (let from = 0; from < strings.length; from += 16) await Promise.all(strings.slice(from, from + 16).map((text, i) => putIn(text, from + i)));
    });

    test('nesting, prototype keys, huge numbers and lone surrogates', { timeout: 60_000 }, async () => {
      const cases: readonly (readonly [string, string | Buffer, number])[] = [
        ['brackets to the brim', nested(MIB / 2), 400],
        ['open brackets', '['.repeat(MIB), 400],
        ['objects to the brim', `${'{"a":'.repeat(170_000)}1${'}'.repeat(170_000)}`, 400],
        ['nesting in an event', inEvent(nested(100_000)), 400],
        ['40 levels in an event', inEvent(nested(40)), 400],
        ['20 levels in an event', inEvent(nested(20)), 202],
        ['__proto__', `{"__proto__":${JSON.stringify(event)}}`, 400],
        ['__proto__ in an event', inEvent('{"__proto__":{"adId":"ad-rival"}}'), 202],
        ['constructor', '{"constructor":{"prototype":{"adId":"ad-acme"}}}', 400],
        ['1e999', inEvent('1e999'), 202],
        ['a number of 100 000 digits', inEvent('9'.repeat(100_000)), 202],
        ['-0 as a time', `{"eventType":"click","clickId":"h-0","adId":"ad-acme","timestampMs":-0}`, 202],
        ['a time of 1e308', `{"eventType":"click","clickId":"h-2","adId":"ad-acme","timestampMs":1e308}`, 400],
        ['a time that rounds', `{"eventType":"click","clickId":"h-2","adId":"ad-acme","timestampMs":9007199254740993}`, 400],
        ['a lone surrogate in an id', `{"eventType":"click","clickId":"\\ud800","adId":"ad-acme"}`, 400],
        ['a lone surrogate in text', `{"eventType":"click","clickId":"h-3","adId":"ad-acme","referrer":"\\ud800\\udc00\\udfff"}`, 202],
        ['bytes that are no UTF-8', Buffer.from(`{"eventType":"click","clickId":"\xff\xfe","adId":"ad-acme"}`, 'latin1'), 400],
        ['UTF-16', Buffer.from(`\ufeff${JSON.stringify(event)}`, 'utf16le'), 400],
        ['2 MiB', 'x'.repeat(2 * MIB), 413],
        ['2 MiB of space', ' '.repeat(2 * MIB), 413],
        ['350 000 tiny events', `{"events":[${'{},'.repeat(349_000)}{}]}`, 413],
        ['500 000 tiny lines', '1\n'.repeat(500_000), 400],
        ['nothing', '', 400],
      ];
      for (const [name, body, status] of cases) {
        const reply = await send(body);
        const allowed = status === 202 ? [202, 409] : [status];
        expect([name, allowed.includes(reply.status) ? status : reply.status]).toEqual([name, status]);
        if (status === 413 || (status === 400 && reply.json !== undefined)) expect(reply.json).toMatchObject({ code: expect.any(String), message: expect.any(String) });
      }
      expect((await send('1\n'.repeat(500_000), { 'content-type': 'application/x-ndjson' })).status).toBe(413);
    });

    test('too large a body is told so, however many come at once: its sender is not cut off while he writes', { timeout: 60_000 }, async () => {
      for (const path of ['/v1/events', '/v1/click', '/v1/nonces']) {
        for (const bytes of [2 * MIB, 8 * MIB]) {
          const replies = await Promise.all(Array.from({ length: 8 }, () => send('x'.repeat(bytes), {}, path)));
          expect([path, bytes, ...new Set(replies.map(({ status }) => status))]).toEqual([path, bytes, 413]);
        }
      }
    });

    test('gzip bombs are never inflated, wherever they are thrown', { timeout: 60_000 }, async () => {
      // Not on this thread: connections that the server closes meanwhile must be noticed, or the next request is sent into one.
      const bomb = await promisify(gzipInBackground)(Buffer.alloc(1_000 * MIB));
      const twice = gzipSync(bomb);
      expect(bomb.length).toBeLessThan(MIB);
      await world().staysFlat('gzip bombs', 200, async () => {
        for (const path of ['/v1/events', '/v1/click', '/v1/nonces']) {
          const replies = await Promise.all(Array.from({ length: 16 }, () => send(bomb, gzip, path)));
          expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([413]));
        }
        expect((await send(twice, gzip)).status).toBe(400);
        expect((await send(bomb.subarray(0, bomb.length - 8), gzip)).status).toBe(413);
        expect((await send(gzipSync('{}').subarray(0, 12), gzip)).status).toBe(400);
        expect((await send(bomb, { 'content-encoding': 'gzip, gzip' })).status).toBe(400);
        expect((await send(gzipSync(JSON.stringify({ ...event, clickId: 'h-gzip' })), gzip)).status).toBe(202);
      });
    });

    test('a million tiny events leave both processes as they were', { timeout: 120_000 }, async () => {
      const empty = `{"events":[${Array.from({ length: 1_000 }, () => '{}').join()}]}`;
      const same = JSON.stringify({ events: Array.from({ length: 1_000 }, (_, i) => ({ eventType: 'click', clickId: `t-${i}`, adId: 'ad-acme', publisherId: 'pub-acme' })) });
      const volley = async (body: string, count: number, status: number) => {
        for (let sent = 0; sent < count; sent += 10) {
          const replies = await Promise.all(Array.from({ length: 10 }, () => send(body)));
          expect(replies.every((reply) => reply.status === status || reply.status === 503)).toBe(true);
        }
      };
      // The engine keeps its caches from here on: what is measured is what a million more events cost.
      await volley(same, 20, 202);
      await world().staysFlat('a million tiny events', 300, async () => {
        await volley(empty, 850, 400);
        await volley(same, 150, 202);
      });
    });
  });
}

function postBytes(world: World, bytes: Buffer, type: string): Promise<Reply> {
  return world.ask('edge', '/v1/events', { key: world.key('ingest'), method: 'POST', body: bytes, headers: { 'content-type': type } });
}
