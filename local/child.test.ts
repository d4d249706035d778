import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CHILD_LOG_BYTES_MAX, ChildLog } from './child-log.ts';
import { SupervisedChild } from './child.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'edgetally-child-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Nearly four times what a pipe holds, then a file that says so. */
const CHATTERBOX = `for (let i = 0; i < 4096; i++) process.stderr.write('muted '.repeat(10) + '\\n'); require('node:fs').writeFileSync(process.argv[1], 'said all'); setInterval(() => {}, 1000);`;

describe('a supervised child that writes to a file', () => {
  test('goes on while its supervisor stands still', async () => {
    const saidAll = join(folder, 'said');
    const child = new SupervisedChild(
      { name: 'chatterbox', command: process.execPath, args: ['-e', CHATTERBOX, saidAll], log: { path: join(folder, 'log'), mutes: /muted/ } },
      { onStart: () => undefined, report: () => undefined },
    );
    child.start();
    // Nothing of this process runs in this loop: neither streams nor timers.
    const asleep = new Int32Array(new SharedArrayBuffer(4));
    for (let turns = 0; turns < 600 && !existsSync(saidAll); turns++) Atomics.wait(asleep, 0, 0, 50);
    expect(existsSync(saidAll)).toBe(true);
    await child.stop(0);
    expect(readFileSync(join(folder, 'log'), 'utf8').length).toBe(4_096 * 61);
  });
});

describe('a supervised child that dies', () => {
  const dies = (code: number, hopelessCode: number) => {
    const [starts, reports] = [[] as number[], [] as string[]];
    const { promise, resolve } = Promise.withResolvers<'hopeless' | 'again'>();
    const child: SupervisedChild = new SupervisedChild(
      { name: 'mortal', command: process.execPath, args: ['-e', `process.exit(${code})`], hopelessCode },
      { onStart: (pid) => starts.push(pid) > 1 && resolve('again'), report: (line) => reports.push(line), onHopeless: () => resolve('hopeless') },
    );
    child.start();
    return { child, outcome: promise, reports };
  };

  test('is started again', async () => {
    const { child, outcome, reports } = dies(1, 2);
    expect(await outcome).toBe('again');
    expect(reports[0]).toMatch(/^mortal ended \(code 1\); starting it again in \d+ ms$/);
    await child.stop(0);
  });

  test('of its settings is left alone', async () => {
    const { child, outcome, reports } = dies(2, 2);
    expect([await outcome, reports]).toEqual(['hopeless', []]);
    await child.stop(0);
  });
});

describe('a child’s log', () => {
  test('is passed on line by line, a line in two pieces as one', async () => {
    const lines: string[] = [];
    const log = new ChildLog(join(folder, 'log'), (line) => lines.push(line));
    writeSync(log.fd, 'one\ntwo hal');
    log.passOn();
    expect(lines).toEqual(['one']);
    const [first, second] = [Buffer.from('ves ü\n').subarray(0, 5), Buffer.from('ves ü\n').subarray(5)];
    writeSync(log.fd, first);
    log.passOn();
    writeSync(log.fd, second);
    log.close();
    expect(lines).toEqual(['one', 'two halves ü']);
  });

  test('never outgrows its bound by more than one look', async () => {
    let passedOn = 0;
    const path = join(folder, 'log');
    const log = new ChildLog(path, () => passedOn++);
    const mebibyte = `${'x'.repeat(1_048_575)}\n`;
    const mebibytes = (CHILD_LOG_BYTES_MAX / 1_048_576) * 2;
    for (let i = 0; i < mebibytes; i++) {
      writeSync(log.fd, mebibyte);
      log.passOn();
      expect(statSync(path).size).toBeLessThanOrEqual(CHILD_LOG_BYTES_MAX + mebibyte.length);
    }
    log.close();
    expect(passedOn).toBe(mebibytes);
  });
});
