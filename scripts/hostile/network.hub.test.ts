import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { untilQuiet } from '../../local/testing/http.ts';
import { bodies } from './network/bodies.ts';
import { redirects } from './network/redirects.ts';
import { slowSenders } from './network/slow-senders.ts';
import { tenancy } from './network/tenancy.ts';
import { tokens } from './network/tokens.ts';
import { World } from './network/world.ts';

let world: World;
beforeAll(async () => {
  world = await World.start();
}, 120_000);
afterAll(() => world.network.dispose(), 60_000);

describe('the network as it runs, under attack', () => {
  tenancy(() => world);
  redirects(() => world);
  bodies(() => world);
  slowSenders(() => world);
  tokens(() => world);

  test('no refusal told where a fault happened, in whose words or in which file', () => {
    const { replies, revealing } = world.heard;
    console.log(`error bodies: ${replies} replies looked at`);
    expect(revealing).toEqual([]);
  });

  test('and after all of it every event has exactly one fate', { timeout: 120_000 }, async () => {
    const range = { from: new Date(Date.now() - 3_600_000).toISOString(), to: new Date(Date.now() + 3_600_000).toISOString() };
    expect(await untilQuiet(() => world.info, range)).toMatchObject({ holds: true, inFlight: 0 });
  });
});
