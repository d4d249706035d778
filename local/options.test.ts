import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parseStartOptions } from './options.ts';

const START = fileURLToPath(new URL('./start.ts', import.meta.url));

test.each([
  [{ EDGE_PORT: 'abc' }, '--edge-port'],
  [{ HUB_PORT: '0' }, '--hub-port'],
  [{ REGIONS: 'us,us' }, '--regions'],
  [{ MORE_HUBS: 'not a url' }, '--more-hubs'],
])('a bad setting in the environment is one line that names its option: %o', (env, option) => {
  const { status, stderr } = spawnSync(process.execPath, [START], { env: { PATH: process.env['PATH'], ...env }, encoding: 'utf8', timeout: 20_000 });
  expect(status).toBe(1);
  expect(stderr).toContain(option);
  expect(stderr.trim().split('\n')).toHaveLength(1);
});

test('a flag wins over the environment, the environment over the default', () => {
  process.env['EDGE_PORT'] = '4001';
  process.env['HUB_PORT'] = '4002';
  const options = parseStartOptions(['node', 'start', '--edge-port', '4003']);
  delete process.env['EDGE_PORT'];
  delete process.env['HUB_PORT'];
  expect([options.edgePort, options.hubPort, options.regions]).toEqual([4003, 4002, ['us', 'eu', 'ap']]);
});
