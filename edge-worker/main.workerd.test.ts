import { reset } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { decodeBase64Url } from '../core/crypto/base64url.ts';
import { signSnapshot } from '../schemas/snapshot.ts';
import main, { type EdgeEnv } from './main.ts';
import { BROWSER, KEYS, LANDING_URL, testSnapshot } from './fixtures/network.ts';

type TestEnv = { readonly SNAPSHOT_KEY: string; readonly CATALOGUE: { put(key: string, text: string): Promise<void> } };
type Worker = { fetch(url: string, init?: RequestInit): Promise<Response> };
const { SNAPSHOT_KEY, CATALOGUE } = env as unknown as TestEnv;
const worker = (exports as unknown as { default: Worker }).default;

/** Shards flush to a hub by themselves; here nobody answers. */
const realFetch = globalThis.fetch;
let version = 1;

beforeEach(async () => {
  globalThis.fetch = () => Promise.reject(new Error('no hub here'));
  version++;
  await CATALOGUE.put('snapshot', signSnapshot(testSnapshot({ catalogueVersion: version }), decodeBase64Url(SNAPSHOT_KEY) as Uint8Array, Date.now()));
});
afterEach(async () => {
  await reset();
  globalThis.fetch = realFetch;
});

const ask = (path: string, init?: RequestInit) => worker.fetch(`https://edge.example${path}`, { redirect: 'manual', ...init });
const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  ask(path, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } });
const keyed = (name: keyof typeof KEYS) => ({ authorization: `Bearer ${KEYS[name]}` });
const person = { headers: { 'user-agent': BROWSER } };

async function mint(order: object = {}): Promise<{ clickUrl: string; impressionUrl: string; token: string }> {
  const response = await post('/v1/nonces', { adId: 'ad-1', publisherId: 'pub-1', ...order }, keyed('publisher'));
  expect(response.status).toBe(200);
  const { tokens } = (await response.json()) as { tokens: [{ clickUrl: string; impressionUrl: string; token: string }] };
  const [token] = tokens;
  return { ...token, clickUrl: new URL(token.clickUrl).pathname, impressionUrl: new URL(token.impressionUrl).pathname };
}

describe('the edge in workerd, over real shards', () => {
  test('an impression, its click and a repeat of both', async () => {
    const token = await mint();
    const shown = await ask(token.impressionUrl, person);
    expect([shown.status, shown.headers.get('content-type'), (await shown.arrayBuffer()).byteLength]).toEqual([200, 'image/gif', 43]);
    const clicked = await ask(token.clickUrl, person);
    expect([clicked.status, clicked.headers.get('location')]).toEqual([302, LANDING_URL]);
    const again = await post('/v1/events', { eventType: 'click', adId: 'ad-1', token: token.token }, { 'user-agent': BROWSER });
    expect([again.status, ((await again.json()) as { code: string }).code]).toEqual([409, 'duplicate']);
  });

  test('people whom their publisher tells apart are not repeats of one another, though they share address and agent', async () => {
    const pressed: number[] = [];
    for (const userPseudoId of ['anna', 'ben', 'anna']) {
      const token = await mint({ userPseudoId });
      const click = { eventType: 'click', adId: 'ad-1', token: token.token };
      pressed.push((await post('/v1/events', click, { 'user-agent': BROWSER })).status);
    }
    expect(pressed).toEqual([202, 202, 409]);
  });

  test('fifty requests at once for one token: nobody hangs, one click counts', async () => {
    const token = await mint();
    const replies = await Promise.all(Array.from({ length: 50 }, () => ask(token.clickUrl, person)));
    expect(replies.map(({ status }) => status)).toEqual(Array.from({ length: 50 }, () => 302));
    const reply = await post('/v1/events', { eventType: 'click', adId: 'ad-1', token: token.token }, { 'user-agent': BROWSER });
    expect(reply.status).toBe(409);
  });

  test('a hundred senders at once get a disposition each of their own', async () => {
    const send = (i: number) =>
      post('/v1/events', { eventType: 'click', clickId: `c-${i % 50}`, adId: 'ad-1', userPseudoId: `u-${i % 50}` }, keyed('ingest'));
    const replies = await Promise.all(Array.from({ length: 100 }, (_, i) => send(i)));
    const statuses = replies.map(({ status }) => status).sort();
    expect([statuses.filter((status) => status === 202).length, statuses.filter((status) => status === 409).length]).toEqual([50, 50]);
  });

  test('two requests that come first to a cold isolate, and many for an ad that nobody knows, all get an answer', async () => {
    const replies = await Promise.all(
      Array.from({ length: 20 }, () => post('/v1/nonces', { adId: 'ad-unknown', publisherId: 'pub-1' }, keyed('publisher'))),
    );
    expect(replies.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 404));
  });

  test('an ad and a key that were registered a moment ago work at once', async () => {
    await mint();
    const snapshot = testSnapshot({ catalogueVersion: ++version });
    const ads = snapshot.ads.map((ad) => ({ ...ad, adId: `${ad.adId}-new` }));
    await CATALOGUE.put('snapshot', signSnapshot({ ...snapshot, ads }, decodeBase64Url(SNAPSHOT_KEY) as Uint8Array, Date.now()));
    const reply = await post('/v1/events', { eventType: 'impression', impressionId: 'i-new', adId: 'ad-1-new' }, keyed('ingest'));
    expect(reply.status).toBe(202);
  });

  test('a gzip bomb is stopped, real gzip is read', async () => {
    const gzip = async (text: string) =>
      new Response(new Blob([text]).stream().pipeThrough(new CompressionStream('gzip') as never)).arrayBuffer();
    const headers = { ...keyed('ingest'), 'content-encoding': 'gzip', 'content-type': 'application/json' };
    const bomb = await ask('/v1/events', { method: 'POST', body: await gzip(' '.repeat(30_000_000)), headers });
    expect(bomb.status).toBe(413);
    const body = await gzip(JSON.stringify({ eventType: 'impression', impressionId: 'i-gzip', adId: 'ad-1' }));
    expect((await ask('/v1/events', { method: 'POST', body, headers })).status).toBe(202);
  });

  test('a bad setting makes every route answer 503 and names it, without its value', async () => {
    const broken = { ...(env as unknown as EdgeEnv), VIEWER_KEY: 'tooshort' };
    for (const path of ['/healthz', '/v1/c/x', '/nothing']) {
      const reply = await main.fetch(new Request(`https://edge.example${path}`), broken, { waitUntil: () => undefined });
      const body = (await reply.json()) as { code: string; message: string };
      expect([reply.status, body.code]).toEqual([503, 'bad_configuration']);
      expect(body.message).toContain('VIEWER_KEY');
      expect(body.message).not.toContain('tooshort');
    }
  });
});
