import { expect, it } from 'vitest';
import { TrackingError } from '../../core/errors.ts';
import { createApp, type Handlers } from './app.ts';
import { ROUTE_NAMES } from './routes.ts';

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
