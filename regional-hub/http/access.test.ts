import { afterAll, describe, expect, it } from 'vitest';
import { ACCESS, mayUse, ROLES, ROLES_ADMITTED, type Role } from './access.ts';
import { routeSpec, ROUTE_NAMES } from './routes.ts';
import { createTestHub, INTERNAL_TOKEN } from './testing/test-hub.ts';

const hub = createTestHub();
afterAll(() => hub.close());

const SCOPES: Readonly<Record<Role, string>> = { ops: 'ops', advertiser: 'advertiser:acme', publisher: 'publisher:pub-1', ingest: 'ingest', replay: 'replay', settle: 'settle' };
const keys = Object.fromEntries(ROLES.map((role) => [role, hub.keyFor(SCOPES[role])])) as Record<Role, string>;
const concrete = (path: string) => path.replace(':section', 'ads').replace(':region', 'us').replace(':id', 'x-1') + (path === '/v1/query' || path === '/v1/stream' ? '?metrics=clicks' : '');
const isRefused = (status: number) => status === 401 || status === 403;

/** The matrix once more, written from DESIGN §4 and not from the table. */
const EXPECTED: Readonly<Record<string, readonly Role[] | 'everybody' | 'token' | 'signed'>> = {
  '/': 'everybody', '/ops': 'everybody', '/docs': 'everybody', '/openapi.json': 'everybody', '/metrics': 'everybody', '/healthz': 'everybody', '/readyz': 'everybody',
  '/v1/flush': 'signed', '/internal/snapshot': 'token',
  '/v1/query': ['ops', 'advertiser', 'publisher'], '/v1/stream': ['ops', 'advertiser', 'publisher'], '/v1/metrics/clicks': ['ops', 'advertiser', 'publisher'],
  '/v1/reports/campaigns/:id/hourly': ['ops', 'advertiser', 'publisher'], '/v1/metrics/campaigns/:id/latency': ['ops', 'advertiser', 'publisher'],
  '/v1/catalogue': ['ops'], '/v1/catalogue/:section/:id': ['ops'], '/v1/keys': ['ops'], '/v1/keys/:id': ['ops'],
  '/v1/ops/regions/:region/flush-policy': ['ops'], '/v1/ops/regions/:region/flush-policy/audit': ['ops'], '/v1/ops/token-keys': ['ops'], '/v1/ops/data-centers': ['ops'],
  '/v1/ops/conservation': ['ops'], '/v1/ops/pipeline': ['ops'],
};

describe('who may use what', () => {
  for (const name of ROUTE_NAMES) {
    const { method, path, access } = routeSpec(name);
    const expected = EXPECTED[path];
    for (const role of ROLES) {
      it(`${role} at ${method} ${path}`, async () => {
        expect(expected).toBeDefined();
        const reply = await hub.call(method, concrete(path), { key: keys[role] });
        if (path !== '/v1/stream') expect(await reply.clone().text()).not.toMatch(/\bat .*\.ts:\d/);
        if (expected === 'everybody') expect(reply.status).toBe(200);
        else if (expected === 'token' || expected === 'signed') expect(reply.status).toBe(401);
        else if (expected?.includes(role)) expect(isRefused(reply.status)).toBe(false);
        else expect(reply.status).toBe(403);
        hub.streams.endAll();
      });
    }
    it(`nobody, and a key that nobody made, at ${method} ${path}`, async () => {
      for (const init of [{}, { key: 'A'.repeat(43) }, { headers: { authorization: 'Basic eDp5' } }, { key: 'x'.repeat(100_000) }]) {
        const reply = await hub.call(method, concrete(path), init);
        expect(reply.status).toBe(access === 'public' ? 200 : 401);
      }
    });
  }

  it('the internal token opens the snapshot and nothing else', async () => {
    expect((await hub.call('GET', '/internal/snapshot', { key: INTERNAL_TOKEN })).status).toBe(200);
    for (const name of ROUTE_NAMES) {
      const { method, path, access } = routeSpec(name);
      if (access === 'readers' || access === 'operators') expect((await hub.call(method, concrete(path), { key: INTERNAL_TOKEN })).status).toBe(401);
    }
  });

  it('every access names its roles, and only readers admit tenants', () => {
    expect(Object.keys(ROLES_ADMITTED)).toEqual([...ACCESS]);
    const advertiser = { ops: false, ingest: false, replay: false, settle: false, advertiserIds: ['a'], publisherIds: [] };
    expect(ACCESS.filter((access) => mayUse(access, advertiser))).toEqual(['readers']);
  });

  it('every statement of a tenant carries its id, bound as a value', async () => {
    const paths = ['/v1/query?metrics=clicks,unique_users&group_by=country&granularity=1h', '/v1/metrics/clicks?ad_id=foreign&breakdown=country', '/v1/reports/campaigns/foreign/hourly', '/v1/metrics/campaigns/foreign/latency'];
    for (const [role, id, column] of [['advertiser', 'acme', 'advertiser_id'], ['publisher', 'pub-1', 'publisher_id']] as const) {
      for (const path of paths) {
        hub.statements.length = 0;
        expect((await hub.call('GET', path, { key: keys[role] })).status).toBe(200);
        expect(hub.statements.length).toBeGreaterThan(0);
        for (const { sql, params } of hub.statements) {
          const reads = sql.split('FROM edgetally.').length - 1;
          const guards = [...sql.matchAll(new RegExp(`WHERE ${column} IN \\{(p\\d+):Array\\(String\\)\\} AND`, 'g'))];
          expect(guards).toHaveLength(reads);
          for (const [, name] of guards) expect(params[name as string]).toEqual([id]);
        }
      }
    }
  });

  it('a tenant that filters by another tenant is refused, existing or not', async () => {
    expect((await hub.call('GET', '/v1/query?metrics=clicks&filter=advertiser_id:rival', { key: keys.advertiser })).status).toBe(403);
    expect((await hub.call('GET', '/v1/stream?metrics=clicks&filter=publisher_id:pub-2', { key: keys.publisher })).status).toBe(403);
    expect((await hub.call('GET', '/v1/query?metrics=clicks&filter=advertiser_id:acme', { key: keys.advertiser })).status).toBe(200);
  });
});

describe('unknown doors', () => {
  it('an unknown path is 404, a known one with another method 405 with Allow', async () => {
    expect((await hub.call('GET', '/v1/nothing')).status).toBe(404);
    const reply = await hub.call('POST', '/v1/query', { key: keys.ops });
    expect([reply.status, reply.headers.get('allow')]).toEqual([405, 'GET']);
    expect(await reply.json()).toMatchObject({ code: 'method_not_allowed' });
  });

  it('a fault inside is 500 without a word of why', async () => {
    const broken = createTestHub();
    const key = broken.keyFor('ops');
    broken.plane.catalogue.read = () => {
      throw new Error('secret detail');
    };
    const reply = await broken.call('GET', '/v1/catalogue', { key });
    expect(reply.status).toBe(500);
    expect(await reply.text()).not.toContain('secret');
    expect(broken.errors).toHaveLength(1);
  });
});
