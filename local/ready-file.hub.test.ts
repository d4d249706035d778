import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { freePortRun } from './testing/running-network.ts';

const START = fileURLToPath(new URL('./start.ts', import.meta.url));

async function startWith(dataDir: string, readyFile: string) {
  const [edgePort, hubPort] = [await freePortRun(4), await freePortRun(1)];
  const args = ['--no-demo', '--data-dir', dataDir, '--ready-file', readyFile, '--edge-port', `${edgePort}`, '--hub-port', `${hubPort}`];
  return spawn(process.execPath, [START, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
}

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

test.runIf(existsSync('/proc/self'))('a ready file that cannot be written ends the start in one line, with nothing left running', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'edgetally-ready-'));
  const child = await startWith(dataDir, join(dataDir, 'no-such-folder', 'ready.json'));
  let log = '';
  child.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const [code] = (await once(child, 'exit')) as [number];
  expect(code).toBe(1);
  expect(log).toContain('--ready-file cannot be written');
  expect(log).not.toContain('    at ');
  expect(existsSync(join(dataDir, 'workerd.pid')) && isAlive(Number(readFileSync(join(dataDir, 'workerd.pid'), 'utf8').split('\n')[0]))).toBe(false);
  rmSync(dataDir, { recursive: true, force: true });
}, 60_000);

test('a ready file of an earlier life is gone before the network answers', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'edgetally-ready-'));
  const readyFile = join(dataDir, 'ready.json');
  writeFileSync(readyFile, '{"pids":{"hub":1}}');
  const child = await startWith(dataDir, readyFile);
  const seen: string[] = [];
  while (seen.at(-1) !== 'fresh') {
    const state = !existsSync(readyFile) ? 'absent' : readFileSync(readyFile, 'utf8').includes('hubUrl') ? 'fresh' : 'stale';
    if (seen.at(-1) !== state) seen.push(state);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(seen).toEqual(['stale', 'absent', 'fresh']);
  child.kill('SIGTERM');
  await once(child, 'exit');
  rmSync(dataDir, { recursive: true, force: true });
}, 120_000);
