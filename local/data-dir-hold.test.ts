import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { holdDataDir } from './data-dir-hold.ts';
import { startNetwork } from './network.ts';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'edgetally-hold-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

test('a data folder has one network at a time', () => {
  const first = holdDataDir(dataDir, 0);
  expect(() => holdDataDir(dataDir, 0)).toThrow(/belongs to a network that is running/);
  first.release();
  holdDataDir(dataDir, 0).release();
});

test('a process that is killed lets go', async () => {
  const program = `import { holdDataDir } from ${JSON.stringify(new URL('./data-dir-hold.ts', import.meta.url).href)};
    globalThis.hold = holdDataDir(${JSON.stringify(dataDir)}, 0); console.log('held'); setInterval(() => {}, 1_000);`;
  const holder = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(holder.stdout, 'data');
  expect(() => holdDataDir(dataDir, 0)).toThrow(/belongs to/);
  const gone = once(holder, 'exit');
  holder.kill('SIGKILL');
  await gone;
  holdDataDir(dataDir, 0).release();
});

test('a second network on the folder is refused, and leaves the workerd of the first alone', async () => {
  const configPath = join(dataDir, 'workerd', 'network.capnp');
  const running = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1_000)', configPath], { stdio: 'ignore' });
  await once(running, 'spawn');
  writeFileSync(join(dataDir, 'workerd.pid'), `${running.pid}\n${configPath}`);
  const first = holdDataDir(dataDir, 0);
  const options = { edgePort: 1, hubPort: 1, dataDir, regions: ['us'], moreHubs: [], demo: false, readyFile: null };
  await expect(startNetwork(options, { report: () => undefined, onRestart: () => undefined, onHopeless: () => undefined })).rejects.toThrow(/belongs to a network that is running/);
  expect([running.exitCode, running.signalCode]).toEqual([null, null]);
  first.release();
  running.kill('SIGKILL');
  await once(running, 'exit');
}, 20_000);
