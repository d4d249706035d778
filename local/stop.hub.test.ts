import { afterEach, beforeEach, expect, it } from 'vitest';
import { RunningNetwork, until } from './testing/running-network.ts';

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

let network: RunningNetwork;
beforeEach(async () => {
  network = await RunningNetwork.start();
  process.kill(network.info.pids.hub, 'SIGSTOP');
}, 120_000);
afterEach(async () => {
  const { hub, workerd } = network.info.pids;
  for (const pid of [hub, workerd]) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  await network.dispose();
}, 60_000);

it('a hub that hangs holds up a stop for its time and no longer', async () => {
  const { supervisor, workerd, hub } = network.info.pids;
  process.kill(supervisor, 'SIGINT');
  await until(() => ![supervisor, workerd, hub].some(isAlive), 20_000, () => `still there: ${network.log}`);
  expect(network.log).not.toContain('starting it again');
}, 60_000);

it('a second Ctrl-C leaves at once, and leaves nothing behind', async () => {
  const { supervisor, workerd, hub } = network.info.pids;
  process.kill(supervisor, 'SIGINT');
  await new Promise((resolve) => setTimeout(resolve, 700));
  process.kill(supervisor, 'SIGINT');
  await until(() => ![supervisor, workerd, hub].some(isAlive), 3_000, () => `still there: ${network.log}`);
  expect(network.log).not.toContain('starting it again');
}, 60_000);
