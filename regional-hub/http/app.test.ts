import { expect, it } from 'vitest';
import { TrackingError } from '../../core/errors.ts';
import { createApp, type Handlers } from './app.ts';
import { ROUTE_NAMES } from './routes.ts';
import { createTestHub } from './testing/test-hub.ts';

function askWith(failure: Error) {
  const logged: unknown[] = [];
  const fails = () => {
    throw failure;
  };
  const handlers = Object.fromEntries(ROUTE_NAMES.map((name) => [name, fails])) as unknown as Handlers;
  const app = createApp({ verifyKey: () => undefined, internalToken: 'none', handlers, onError: (error) => void logged.push(error) });
  return { logged, reply: app.request('/readyz') };
}

it('a log or store that does not answer is 503 with Retry-After, and is logged; a bug is 500 and tells nothing', async () => {
  const away = askWith(new TrackingError('unavailable', 'broker 10.0.0.7 does not answer'));
  const reply = await away.reply;
  expect([reply.status, reply.headers.get('retry-after')]).toEqual([503, '1']);
  expect(await reply.text()).not.toContain('10.0.0.7');
  expect(away.logged).toHaveLength(1);
  const bug = askWith(new TypeError('x is not a function'));
  expect((await bug.reply).status).toBe(500);
  expect(await (await bug.reply).text()).not.toContain('function');
});

it('HEAD leaves no stream open', async () => {
  const hub = createTestHub();
  for (let i = 0; i < 3; i += 1) {
    const reply = await hub.call('HEAD', '/v1/stream?metrics=clicks', { key: hub.keyFor('ops') });
    expect([reply.status, reply.headers.get('content-type'), await reply.text()]).toEqual([200, 'text/event-stream; charset=utf-8', '']);
  }
  expect(hub.streams.size).toBe(0);
  hub.close();
});

it.each(['/v1/catalogue', '/v1/keys', '/v1/ops/token-keys', '/v1/ops/data-centers', '/v1/ops/pipeline', '/v1/ops/regions/us/flush-policy'])('%s knows no parameters, and says so', async (path) => {
  const hub = createTestHub();
  const key = hub.keyFor('ops');
  expect((await hub.call('GET', path, { key })).status).toBe(200);
  const reply = await hub.call('GET', `${path}?ad_id=x`, { key });
  expect([reply.status, ((await reply.json()) as { code: string }).code]).toEqual([400, 'unknown_parameter']);
  hub.close();
});
