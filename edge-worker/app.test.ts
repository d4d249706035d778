import { beforeEach, describe, expect, test } from 'vitest';
import { reasonName } from '../core/disposition.ts';
import { EVENT_FLAGS } from '../core/event.ts';
import { EDGE_ROUTE_NAMES, edgeRoute } from '../schemas/edge-routes.ts';
import { edgeApp, pathOf } from './app.ts';
import { mintOne, sending, withKey } from './fixtures/ask.ts';
import { TestHost } from './fixtures/host.ts';
import { BROWSER, LANDING_URL } from './fixtures/network.ts';

let host: TestHost;
beforeEach(async () => {
  host = await TestHost.open();
});
const person = { headers: { 'user-agent': BROWSER } };
const events = () => host.records.flatMap(({ batch }) => Array.from({ length: batch.eventCount }, (_, i) => batch.event(i)));
const reasons = () => events().map(({ screenedReason }) => reasonName(screenedReason));
const codeOf = async (response: Response) => [response.status, ((await response.json()) as { code?: string }).code];

describe('POST /v1/nonces', () => {
  const order = (over: Record<string, unknown> = {}) => ({ adId: 'ad-1', publisherId: 'pub-1', ...over });
  const ask = (body: unknown, key?: Parameters<typeof withKey>[0]) => host.fetch('/v1/nonces', sending(body, key === undefined ? {} : withKey(key)));

  test.each([
    ['no key', order(), undefined, 401],
    ['an operator\'s key', order(), 'ops', 403],
    ['an ingesting key', order(), 'ingest', 403],
    ['another publisher', order({ publisherId: 'pub-2' }), 'publisher', 403],
    ['an ad that does not allow the publisher', order({ adId: 'ad-exclusive' }), 'publisher', 403],
    ['an unknown ad', order({ adId: 'nope' }), 'publisher', 404],
    ['too many', order({ count: 101 }), 'publisher', 400],
    ['none', order({ count: 0 }), 'publisher', 400],
    ['a life too short', order({ ttlMs: 999 }), 'publisher', 400],
    ['a life too long', order({ ttlMs: 86_400_001 }), 'publisher', 400],
    ['no ad', { publisherId: 'pub-1' }, 'publisher', 400],
    ['no JSON', 'nonsense', 'publisher', 400],
  ] as const)('%s', async (_name, body, key, status) => {
    expect((await ask(body, key)).status).toBe(status);
  });

  test('gives as many as asked for, all different, in either spelling; the token is the click\'s', async () => {
    const response = await ask({ ad_id: 'ad-1', publisher_id: 'pub-1', ttl_ms: 5_000, count: 100 }, 'publisher');
    const { tokens } = (await response.json()) as { tokens: { token: string; impressionId: string; impressionUrl: string; clickUrl: string; expiresAtMs: number }[] };
    expect(new Set(tokens.map(({ impressionId }) => impressionId)).size).toBe(100);
    for (const { token, impressionUrl, clickUrl, expiresAtMs } of tokens) {
      expect(clickUrl).toBe(`https://edge.example/v1/c/${token}`);
      expect(impressionUrl).toMatch(/^https:\/\/edge\.example\/v1\/i\/[A-Za-z0-9_-]{60,}$/);
      expect(expiresAtMs).toBe(host.nowMs + 5_000);
    }
  });
});

describe('GET /v1/tag', () => {
  test('mints one token for the page, of use only where it was given', async () => {
    const response = await host.fetch('/v1/tag?ad=ad-1&pub=pub-1&pl=top', person);
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    const { tokens } = (await response.json()) as { tokens: [{ clickUrl: string }] };
    const path = new URL(tokens[0].clickUrl).pathname;
    for (const agent of [BROWSER, BROWSER.replace('138', '139')]) {
      expect((await host.fetch(path, { headers: { 'user-agent': agent } })).headers.get('location')).toBe(LANDING_URL);
    }
    await host.fetch(path, { headers: { ...person.headers, 'cf-connecting-ip': '203.0.113.9' } });
    expect(reasons()).toEqual(['none', 'context_mismatch', 'context_mismatch']);
  });

  test.each([['?ad=ad-1', 400], ['?ad=ad-1&pub=pub-1&pl=%20', 400], ['?ad=nope&pub=pub-1', 404], ['?ad=ad-exclusive&pub=pub-1', 403]])('%s', async (query, status) => {
    expect((await host.fetch(`/v1/tag${query}`, person)).status).toBe(status);
  });

  test('a network that asks too often waits', async () => {
    const statuses = await Promise.all(Array.from({ length: 201 }, async () => (await host.fetch('/v1/tag?ad=ad-1&pub=pub-1', person)).status));
    expect(statuses.filter((status) => status === 429)).toHaveLength(1);
    host.nowMs += 1_000;
    expect((await host.fetch('/v1/tag?ad=ad-1&pub=pub-1', person)).status).toBe(200);
  });
});

describe('/v1/i/{token}', () => {
  test('a pixel of 43 bytes to an image, nothing to a beacon, headers to a HEAD; all one event', async () => {
    const token = await mintOne(host);
    const image = await host.fetch(token.impressionUrl, person);
    expect([image.status, image.headers.get('content-type'), image.headers.get('cache-control'), (await image.arrayBuffer()).byteLength]).toEqual([200, 'image/gif', 'no-store, private', 43]);
    const beacon = await host.fetch(`${token.impressionUrl}?v=1`, { ...person, method: 'POST' });
    expect([beacon.status, await beacon.text()]).toEqual([204, '']);
    const head = await host.fetch(token.impressionUrl, { ...person, method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect(reasons()).toEqual(['none', 'none', 'head']);
    expect(events().map(({ flags }) => flags & EVENT_FLAGS.viewable)).toEqual([0, 1, 0]);
    expect(new Set(events().map(({ id }) => `${id.lo} ${id.hi}`)).size).toBe(1);
    expect(events()[0]!.join).not.toEqual({ lo: 0, hi: 0 });
  });

  test('a click\'s token serves too; what we did not sign does not', async () => {
    const token = await mintOne(host);
    expect((await host.fetch(token.clickUrl.replace('/c/', '/i/'), person)).status).toBe(200);
    expect(await codeOf(await host.fetch('/v1/i/nonsense', person))).toEqual([404, 'bad_token']);
    expect((await host.fetch(token.impressionUrl, { method: 'DELETE' })).status).toBe(405);
    expect((await host.fetch(token.impressionUrl, { method: 'OPTIONS' })).status).toBe(204);
  });
});

describe('POST /v1/click', () => {
  const click = (over: Record<string, unknown> = {}) => ({ click_id: 'c-1', ad_id: 'ad-1', timestamp_ms: host.nowMs - 1_000, device_type: 'phone', country: 'us', user_id: 'u-1', ...over });
  const ask = (body: unknown, headers: Record<string, string> = { 'user-agent': BROWSER }) => host.fetch('/v1/click', sending(body, headers));

  test('with neither token nor key it redirects and is filtered, unless the ad allows it', async () => {
    expect((await ask(click())).headers.get('location')).toBe(LANDING_URL);
    expect((await ask(click({ ad_id: 'ad-open' }))).status).toBe(302);
    expect(reasons()).toEqual(['unsigned', 'none']);
    expect(events()[0]).toMatchObject({ eventId: 'c-1', deviceType: 'mobile', country: 'US', eventTimeMs: host.nowMs - 1_000 });
  });

  test('with a key it is a server\'s report, with a token the person\'s own', async () => {
    const { token, impressionId } = await mintOne(host);
    expect((await ask(click(), { ...withKey('ingest'), 'user-agent': 'curl/8.5.0' })).status).toBe(302);
    expect((await ask(click({ token }))).status).toBe(302);
    expect(events().map(({ eventId, screenedReason }) => [eventId, screenedReason])).toEqual([['c-1', 0], [impressionId, 0]]);
  });

  test('what is wrong is said, and nobody is sent anywhere', async () => {
    expect(await codeOf(await ask(click({ ad_id: 'nope' })))).toEqual([404, 'unknown_ad']);
    expect(await codeOf(await ask(click({ token: 'forged' })))).toEqual([404, 'bad_token']);
    expect(await codeOf(await ask({ ad_id: 'ad-1' }))).toEqual([400, 'malformed']);
    expect(await codeOf(await ask('nonsense'))).toEqual([400, 'malformed']);
    expect(await codeOf(await ask(click(), { authorization: 'Bearer nonsense' }))).toEqual([401, 'unauthorized']);
    expect(await codeOf(await ask(click({ ad_id: 'ad-other' }), withKey('advertiser')))).toEqual([403, 'not_allowed']);
    expect(await codeOf(await ask('x'.repeat(70_000)))).toEqual([413, 'too_large']);
    expect(events()).toEqual([]);
  });
});

describe('the table of routes', () => {
  test('is what is mounted, and nothing else is', () => {
    const mounted = edgeApp.routes.filter(({ method }) => method !== 'ALL' && method !== 'OPTIONS').map(({ method, path }) => `${method} ${path}`);
    expect(mounted.toSorted()).toEqual(EDGE_ROUTE_NAMES.map(edgeRoute).map(({ method, path }) => `${method} ${path}`).toSorted());
  });

  test.each(EDGE_ROUTE_NAMES)('%s is found, by hand or by Hono, and says what else its path takes', async (name) => {
    const { method, path, asksFirst = false } = edgeRoute(name);
    const concrete = path.replace(':token', 'forged');
    expect(await (await host.fetch(concrete, { method })).text()).not.toContain('there is no such route');
    const refused = await host.fetch(concrete, { method: 'DELETE' });
    const allow = refused.headers.get('allow')!.split(', ');
    expect([refused.status, allow.includes(method), allow.includes('HEAD'), allow.includes('OPTIONS')]).toEqual([405, true, allow.includes('GET'), asksFirst]);
    expect((await host.fetch(concrete, { method: 'OPTIONS' })).status).toBe(asksFirst ? 204 : 405);
  });
});

describe('the rest', () => {
  test.each([
    ['GET', '/nothing', 404],
    ['GET', '/v1/events', 405],
    ['PUT', '/v1/nonces', 405],
    ['POST', '/healthz', 405],
    ['OPTIONS', '/v1/events', 204],
    ['OPTIONS', '/v1/tag', 204],
    ['GET', '/healthz', 200],
    ['GET', `/${'x'.repeat(100_000)}`, 404],
  ])('%s %.20s', async (method, path, status) => {
    expect((await host.fetch(path, { method })).status).toBe(status);
  });

  test('a bug is a 500 without a word of itself, and one line for the operator', async () => {
    host.edge.hasher.id = () => {
      throw new Error('a secret place');
    };
    const response = await host.fetch('/v1/events', sending({ eventType: 'impression', impressionId: 'i', adId: 'ad-1' }, withKey('ingest')));
    expect([response.status, await response.json()]).toEqual([500, { code: 'internal', message: 'this is our fault; it has been noted' }]);
    expect(host.logged).toHaveLength(1);
  });

  test('a person is sent on even then', async () => {
    const token = await mintOne(host);
    host.edge.hasher.id = () => {
      throw new Error('a secret place');
    };
    expect((await host.fetch(token.clickUrl, person)).status).toBe(302);
    expect(host.logged).toHaveLength(1);
  });

  test('before the first catalogue has come, everything says 503, and that it is worth another try', async () => {
    host.readSnapshot = async () => null;
    for (const [path, init] of [['/v1/c/x', person], ['/v1/events', sending({}, withKey('ingest'))]] as const) {
      const response = await host.fetch(path, init);
      expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
    }
    expect((await host.fetch('/healthz')).status).toBe(200);
  });

  test('pathOf keeps the path as it was sent', () => {
    expect(['https://a.example', 'https://a.example/', 'https://a.example/v1/c/x?y=/z', 'http://a:1/%2e%2e/?'].map(pathOf)).toEqual(['/', '/', '/v1/c/x', '/%2e%2e/']);
  });
});

// heard at (min)  0 ──────────── 11 │ 20
// tokens          served          │ served
// what rests on   served          │ 503
// news
describe('an edge that has heard nothing from its hub for twenty minutes', () => {
  const click = { eventType: 'click', clickId: 'c-1', adId: 'ad-1' };
  let token: Awaited<ReturnType<typeof mintOne>>;
  let readSnapshot: typeof host.readSnapshot;
  beforeEach(async () => {
    token = await mintOne(host, {});
    ({ readSnapshot } = host);
    host.readSnapshot = async () => {
      throw new Error('nobody there');
    };
    host.nowMs += 20 * 60_000;
    host.records.length = 0;
  });

  test('goes on with whatever has a token: clicks, pixels, beacons', async () => {
    expect((await host.fetch(token.clickUrl, person)).status).toBe(302);
    expect((await host.fetch(token.impressionUrl, person)).status).toBe(200);
    expect((await host.fetch('/v1/events', sending({ ...click, token: token.token }))).status).toBe(202);
    expect((await host.fetch('/v1/click', sending({ click_id: 'c', ad_id: 'ad-1', token: token.token }))).status).toBe(302);
    expect(events()).toHaveLength(4);
  });

  test('mints nothing, trusts no key and places no event without a token: 503, try again', async () => {
    for (const [path, body, headers] of [
      ['/v1/nonces', { adId: 'ad-1', publisherId: 'pub-1' }, withKey('publisher')],
      ['/v1/events', click, withKey('ingest')],
      ['/v1/events', { ...click, token: token.token }, withKey('ingest')],
      ['/v1/events', click, { authorization: 'Bearer a-key-made-since' }],
      ['/v1/click', { click_id: 'c', ad_id: 'ad-open' }, {}],
    ] as const) {
      const response = await host.fetch(path, sending(body, headers));
      expect([path, response.status, response.headers.get('retry-after')]).toEqual([path, 503, '5']);
    }
    expect((await host.fetch('/v1/tag?ad=ad-1&pub=pub-1', person)).status).toBe(503);
    expect((await host.fetch('/v1/events', sending(click))).status).toBe(401);
    expect(host.records).toEqual([]);
  });

  test('says so, and is itself again with the first word', async () => {
    const health = async () => (await (await host.fetch('/healthz')).json()) as { inTouch: boolean };
    expect(await health()).toMatchObject({ ok: true, catalogueVersion: 1, inTouch: false });
    host.readSnapshot = readSnapshot;
    host.nowMs += 1_000;
    await host.fetch('/healthz');
    await host.settled();
    expect(await health()).toMatchObject({ inTouch: true });
    expect((await host.fetch('/v1/events', sending(click, withKey('ingest')))).status).toBe(202);
  });
});
