import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DAY_MS } from '../../core/time.ts';
import type { DeltaLog, PartitionLease } from '../log/delta-log.ts';
import { collect, describeDeltaLog, numbersOf, rangeOf, record, upTo } from '../log/delta-log.contract.ts';
import { createSqliteDeltaLog } from './sqlite-delta-log.ts';
import { openLogDatabase } from './sqlite-log-database.ts';

const clock = { nowMs: () => Date.now() };

describeDeltaLog('the embedded log', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'edgetally-log-'));
  return {
    open: async () => openLog(directory),
    rival: async (log) => log,
    dispose: async () => rmSync(directory, { recursive: true }),
    wakeMs: 50,
  };
});

describe('the embedded log', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'edgetally-log-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('refuses a second owner of the file with a clear error', async () => {
    const database = openLogDatabase(join(directory, 'log.sqlite'));
    expect(() => openLogDatabase(join(directory, 'log.sqlite'))).toThrowError(/belongs to another running process/);
    await database.close();
    await openLogDatabase(join(directory, 'log.sqlite')).close();
  });

  it('forgets old finished records, never unfinished ones, and gives no offset twice', async () => {
    let nowMs = 1_700_000_000_000;
    const log = openLog(directory, { clock: { nowMs: () => nowMs } });
    for (const i of upTo(6)) await log.appendBatch([record('a', i)]);
    const lease = await leaseOf(log);
    const records = await lease.read({ fromOffset: 0n, maxRecords: 4, maxBytes: 1_000, waitMs: 0 });
    nowMs += 8 * DAY_MS;
    await finish(lease, rangeOf(records, nowMs));
    await settled();
    expect((await lease.read({ fromOffset: 0n, maxRecords: 10, maxBytes: 1_000, waitMs: 0 })).map(({ offset }) => offset)).toEqual([4n, 5n]);
    nowMs += DAY_MS;
    await finish(lease, rangeOf(await lease.read({ fromOffset: 4n, maxRecords: 10, maxBytes: 1_000, waitMs: 0 }), nowMs));
    await settled();
    await log.close();

    const next = openLog(directory);
    await next.appendBatch([record('a', 6)]);
    const [only] = await collect(next, 1);
    expect(only?.record.offset).toBe(6n);
    await next.close();
  });

  it('stays within its size by dropping the oldest finished records', async () => {
    let nowMs = 1_700_000_000_000;
    const log = openLog(directory, { clock: { nowMs: () => (nowMs += 1) }, retentionBytes: 3_000_000 });
    const value = new Uint8Array(1_000_000);
    for (let i = 0; i < 6; i += 1) await log.appendBatch([{ ...record('a', i), value }]);
    const lease = await leaseOf(log);
    const records = await lease.read({ fromOffset: 0n, maxRecords: 10, maxBytes: 10_000_000, waitMs: 0 });
    nowMs += 100_000;
    await finish(lease, rangeOf(records, nowMs));
    await settled();
    expect((await lease.read({ fromOffset: 0n, maxRecords: 10, maxBytes: 10_000_000, waitMs: 0 })).map(({ offset }) => offset)).toEqual([4n, 5n]);
    await log.close();
  });

  it('fails every append of a group that cannot be written, and goes on with the right offsets', async () => {
    const database = openLogDatabase(join(directory, 'log.sqlite'));
    const log = createSqliteDeltaLog({ database, clock });
    await log.appendBatch([record('a', 0)]);
    const broken = database.writer.write(() => {
      throw new Error('disk full');
    });
    const appends = [log.appendBatch([record('a', 1)]), log.appendBatch([record('b', 1)])];
    await expect(broken).rejects.toMatchObject({ code: 'storage_failed' });
    for (const append of appends) await expect(append).rejects.toMatchObject({ code: 'storage_failed' });
    await log.appendBatch([record('a', 2)]);
    const records = await collect(log, 2);
    expect(numbersOf(records, 'deltas', 'a')).toEqual([0, 2]);
    expect(records.map(({ record }) => record.offset)).toEqual([0n, 1n]);
    await log.close();
    await database.close();
  });

  it('has every append that it acknowledged before it was killed, in order, ten times over', async () => {
    const path = join(directory, 'log.sqlite');
    let next = 0;
    for (let life = 0; life < 10; life += 1) next = (await appendUntilKilled(path, next)) + 1;
    const log = openLog(directory);
    const numbers = numbersOf(await collect(log, next), 'deltas', 'a');
    expect(numbers.slice(0, next)).toEqual(upTo(next));
    await log.close();
  });
});

type Overrides = Partial<Parameters<typeof createSqliteDeltaLog>[0]>;

function openLog(directory: string, overrides: Overrides = {}): DeltaLog {
  const database = openLogDatabase(join(directory, 'log.sqlite'));
  const log = createSqliteDeltaLog({ database, clock, ...overrides });
  return {
    ensureTopics: () => log.ensureTopics(),
    appendBatch: (records) => log.appendBatch(records),
    consume: (onLease) => log.consume(onLease),
    lag: () => log.lag(),
    close: async () => {
      await log.close();
      await database.close();
    },
  };
}

function leaseOf(log: DeltaLog): Promise<PartitionLease> {
  return new Promise((resolve) => {
    void log.consume(async (lease) => {
      if (lease.topic === 'deltas') resolve(lease);
    });
  });
}

/** The last number that a child acknowledged before SIGKILL. */
function appendUntilKilled(path: string, first: number): Promise<number> {
  return new Promise((resolve) => {
    let said = '';
    const child = spawn(process.execPath, [join(import.meta.dirname, 'testing', 'append-forever.ts'), path, String(first)]);
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk;
      if (said.length > 200) child.kill('SIGKILL');
    });
    child.once('close', () => resolve(Number(said.slice(0, said.lastIndexOf('\n')).split('\n').at(-1))));
  });
}

async function finish(lease: PartitionLease, range: ReturnType<typeof rangeOf>): Promise<void> {
  await lease.claim(range);
  await lease.finish(range);
}

/** Lets pruning, which nobody awaits, come to its end. */
async function settled(): Promise<void> {
  for (let i = 0; i < 20; i += 1) await new Promise((resolve) => setImmediate(resolve));
}
