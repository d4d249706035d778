import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { until } from '../../../local/testing/running-network.ts';
import { routeSpec, ROUTE_NAMES } from '../../../regional-hub/http/routes.ts';
import { BROWSER, otherThan, TENANTS, type TenantName, type World } from './world.ts';

/** Who may be let in where, from DESIGN §4 and not from the table that the router reads. */
type Admission = 'everybody' | 'nobody' | 'readers' | 'operators';
const ADMISSION: readonly (readonly [RegExp, Admission])[] = [
  [/^\/(?:|ops|docs|openapi\.json|metrics|healthz|readyz)$/, 'everybody'],
  [/^\/v1\/flush$|^\/internal\//, 'nobody'],
  [/^\/v1\/(?:query|stream|metrics|reports)/, 'readers'],
  [/^\/v1\/settlements/, 'readers'],
  [/^\/v1\/(?:catalogue|keys|ops|rulesets|held|users)/, 'operators'],
];
const READERS = /^(?:ops|advertiser:|publisher:|tenant:)/;
const COUNT = { acme: 7, rival: 23 } as const;
const DIMENSIONS = 'advertiser_id,campaign_id,ad_id,publisher_id';

function admits(path: string, role: string): boolean {
  const admission = ADMISSION.find(([pattern]) => pattern.test(path))?.[1];
  if (admission === undefined) throw new Error(`nobody said who may use ${path}`);
  if (admission === 'everybody') return true;
  if (admission === 'readers') return READERS.test(role);
  return admission === 'operators' && role === 'ops';
}

/** A route's path with ids of one tenant in it, and a question about that tenant where it asks one. */
function concrete(path: string, tenant: TenantName): string {
  const filled = path.replace('/campaigns/:id', `/campaigns/camp-${tenant}`).replace(':section/:id', `ads/ad-${tenant}`).replace(':region', 'us').replace(/:\w+/g, `x-${tenant}`);
  if (path === '/v1/query' || path === '/v1/stream') return `${filled}?metrics=clicks,gross_clicks,spend_micros&group_by=${DIMENSIONS}&filter=campaign_id:camp-${tenant}`;
  return path === '/v1/metrics/clicks' ? `${filled}?ad_id=ad-${tenant}` : filled;
}

/** The reply but for what the question itself said. */
const withoutEcho = (text: string): string => text.replace(/"(?:campaignId|adId)":"[^"]*"/g, '');

/** Every role at every route for its own and for a foreign tenant; 0 leaks. */
export function tenancy(world: () => World): void {
  const roles = (): string[] => [...world().keys.keys()];

  describe('tenants', () => {
    beforeAll(async () => {
      for (const tenant of TENANTS) {
        const events = Array.from({ length: COUNT[tenant] }, (_, i) => ({ eventType: 'click', clickId: `${tenant}-${i}`, adId: `ad-${tenant}`, publisherId: `pub-${tenant}`, userPseudoId: `u-${i}` }));
        expect((await world().ask('edge', '/v1/events', { key: world().key(`tenant:${tenant}`), method: 'POST', body: { events } })).status).toBe(202);
      }
      const stored = async () => (await world().ask('hub', `/v1/query?metrics=clicks`, { key: world().key('ops') })).text.includes(`"clicks":${COUNT.acme + COUNT.rival}`);
      await until(stored, 30_000, () => 'the clicks of both tenants never came to the store');
    });

    test('every role at every route of the hub, own tenant and foreign: let in or not as documented, and nobody sees a foreign row', async () => {
      const frozen = async () => (await Promise.all(['/v1/catalogue', '/v1/keys', '/v1/ops/token-keys', '/v1/ops/regions/us/flush-policy'].map((path) => world().ask('hub', path, { key: world().key('ops') })))).map(({ text }) => text);
      const before = await frozen();
      const leaks: string[] = [];
      let cells = 0;
      for (const { method, path } of ROUTE_NAMES.map(routeSpec)) {
        if (path === '/v1/stream') continue;
        for (const role of roles()) {
          if (role === 'ops' && method !== 'GET') continue;
          for (const tenant of TENANTS) {
            const reply = await world().ask('hub', concrete(path, tenant), { method, key: world().key(role), ...(method === 'GET' || method === 'DELETE' ? {} : { body: {} }) });
            const what = `${role} at ${method} ${path} about ${tenant}`;
            if ((reply.status !== 401 && reply.status !== 403) !== admits(path, role)) leaks.push(`${what}: ${reply.status}`);
            const own = TENANTS.find((name) => role.endsWith(`:${name}`));
            const foreign = own === undefined ? undefined : otherThan(own);
            if (foreign !== undefined && path.startsWith('/v1/') && withoutEcho(reply.text).includes(foreign)) leaks.push(`${what}: ${reply.text.slice(0, 200)}`);
            cells++;
          }
        }
      }
      console.log(`tenancy: ${cells} cells of the matrix at the hub`);
      expect(leaks).toEqual([]);
      expect(await frozen()).toEqual(before);
    });

    test.each(['advertiser', 'publisher', 'tenant'])('a key of kind %s sees its own rows whole and of the others none, however it asks', async (kind) => {
      for (const tenant of TENANTS) {
        const key = world().key(`${kind}:${tenant}`);
        const total = async (query: string) => (await world().ask('hub', `/v1/query?metrics=clicks${query}`, { key })).json as { rows: { clicks: number }[] };
        for (const query of ['', '&granularity=1h', '&filter=device_type:desktop|mobile|tablet|ctv|other', `&group_by=${DIMENSIONS}`, `&filter=campaign_id:camp-acme|camp-rival`, '&filter=region:us']) {
          const reply = await total(query);
          const clicks = reply.rows.reduce((sum, row) => sum + row.clicks, 0);
          const isWithheld = query.includes('device_type');
          expect([tenant, query, isWithheld ? 0 : clicks]).toEqual([tenant, query, isWithheld ? 0 : COUNT[tenant]]);
          expect(JSON.stringify(reply)).not.toContain(otherThan(tenant));
        }
        const foreign = otherThan(tenant);
        const asked = await Promise.all([
          total(`&filter=campaign_id:camp-${foreign}`).then(({ rows }) => rows.reduce((sum, { clicks }) => sum + clicks, 0)),
          world().ask('hub', `/v1/metrics/clicks?ad_id=ad-${foreign}`, { key }).then(({ json }) => (json as { points: unknown[] }).points.length),
          world().ask('hub', `/v1/reports/campaigns/camp-${foreign}/hourly`, { key }).then(({ json }) => (json as { buckets: unknown[] }).buckets.length),
          world().ask('hub', `/v1/metrics/campaigns/camp-${foreign}/latency`, { key }).then(({ json }) => (json as { ingestP95Ms: unknown }).ingestP95Ms),
        ]);
        expect(asked).toEqual([0, 0, 0, null]);
      }
    });

    test('a stream carries its reader\'s rows alone', async () => {
      for (const tenant of TENANTS) {
        const text = await firstEvent(`${world().info.hubUrl}/v1/stream?metrics=clicks&group_by=${DIMENSIONS}&granularity=total`, world().key(`advertiser:${tenant}`));
        expect(text).toContain(`"ad_id":"ad-${tenant}"`);
        expect(text).not.toContain(otherThan(tenant));
      }
    });

    test('every role at every route of the edge, own tenant and foreign', async () => {
      const wrong: string[] = [];
      let cells = 0;
      for (const role of [...roles(), '']) {
        for (const tenant of TENANTS) {
          const key = role === '' ? {} : { key: world().key(role) };
          const isOwn = role.endsWith(`:${tenant}`);
          const event = { eventType: 'impression', impressionId: `m-${role}-${tenant}`.replaceAll(':', '-'), adId: `ad-${tenant}`, publisherId: `pub-${tenant}` };
          const click = { click_id: event.impressionId, ad_id: event.adId, timestamp_ms: Date.now() };
          const ingests = role === 'ingest' || role === 'replay' || role.startsWith('tenant:');
          const isLimited = role.startsWith('tenant:') && !isOwn;
          const expected = {
            nonces: role === '' ? 401 : role.startsWith('publisher:') && isOwn ? 200 : 403,
            events: !ingests ? 401 : isLimited ? 403 : 202,
            click: isLimited ? 403 : 302,
          };
          const replies = {
            nonces: await world().ask('edge', '/v1/nonces', { ...key, method: 'POST', body: { adId: event.adId, publisherId: event.publisherId } }),
            events: await world().ask('edge', '/v1/events', { ...key, method: 'POST', body: event }),
            click: await world().ask('edge', '/v1/click', { ...key, method: 'POST', body: click, headers: { 'user-agent': BROWSER } }),
          };
          for (const [route, reply] of Object.entries(replies)) {
            cells++;
            if (reply.status !== expected[route as keyof typeof expected]) wrong.push(`${role || 'nobody'} at ${route} for ${tenant}: ${reply.status} ${reply.text.slice(0, 100)}`);
          }
        }
      }
      console.log(`tenancy: ${cells} cells of the matrix at the edge`);
      expect(wrong).toEqual([]);
    });

    test('a key that was deleted is dead at the hub at once and at every POP within a minute', { timeout: 70_000 }, async () => {
      const key = await world().makeKey(['ingest']);
      const send = (url: string) => fetch(`${url}/v1/events`, { method: 'POST', headers: { authorization: `Bearer ${key}` }, body: '{}' }).then(({ status }) => status);
      const pops = Object.values(world().info.edgeUrls);
      await until(async () => (await Promise.all(pops.map(send))).every((status) => status === 400), 10_000, () => 'the new key never came to the edges');
      const listed = (await world().ask('hub', '/v1/keys', { key: world().key('ops') })).json as { keys: { keyId: string }[] };
      const startedAt = Date.now();
      expect((await world().ask('hub', `/v1/keys/${listed.keys.at(-1)!.keyId}`, { key: world().key('ops'), method: 'DELETE' })).status).toBe(204);
      await until(async () => (await Promise.all(pops.map(send))).every((status) => status === 401), 60_000, () => 'the deleted key still opens an edge');
      console.log(`a deleted key was dead at every POP after ${Date.now() - startedAt} ms`);
    });
  });

  test('keys are stored hashed, and files that hold a secret are their owner\'s alone', async () => {
    await world().makeKey(['ingest'], { requireSignature: true });
    const { dataDir } = world().network;
    const secrets = JSON.parse(readFileSync(join(dataDir, 'secrets.json'), 'utf8')) as Record<string, string>;
    const texts = [...world().keys.values(), secrets['flushKey']!, secrets['viewerKey']!, secrets['snapshotKey']!, secrets['internalToken']!];
    const holding = filesUnder(dataDir).filter((path) => holdsAny(path, texts));
    expect(holding.filter((path) => path.includes('/hub/') || path.includes('/objects/'))).toEqual([]);
    expect(holding.filter((path) => (statSync(path).mode & 0o077) !== 0)).toEqual([]);
    expect(filesUnder(join(dataDir, 'hub')).filter((path) => path.includes('control.sqlite') && (statSync(path).mode & 0o077) !== 0)).toEqual([]);
  });
}

async function firstEvent(url: string, key: string): Promise<string> {
  const abort = new AbortController();
  const reply = await fetch(url, { headers: { authorization: `Bearer ${key}` }, signal: abort.signal });
  let text = '';
  for await (const chunk of reply.body ?? []) {
    text += Buffer.from(chunk as Uint8Array).toString('utf8');
    if (text.includes('\n\n') && text.includes('data:')) break;
  }
  abort.abort();
  return text;
}

/** Every file but the engine's, which come and go while it merges and hold nothing but counts and events. */
function filesUnder(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return entry.name === 'store' ? [] : filesUnder(path);
    return entry.isFile() ? [path] : [];
  });
}

function holdsAny(path: string, texts: readonly string[]): boolean {
  const bytes = readFileSync(path);
  return texts.some((text) => bytes.includes(text));
}
