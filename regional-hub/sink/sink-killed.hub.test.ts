import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openStore } from '../adapters/clickhouse-store.ts';
import { createSqliteDeltaLog } from '../adapters/sqlite-delta-log.ts';
import { openLogDatabase } from '../adapters/sqlite-log-database.ts';
import { mulberry32 } from '../../schemas/testing/mulberry32.ts';
import { sampleFrames, type SampleFrame } from './sample-frames.ts';
import { expectExact, factsOf, query } from './sink-fixture.ts';

const KILLS = 12;
const dir = mkdtempSync(join(tmpdir(), 'edgetally-killed-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }), 60_000);

async function fill(frames: readonly SampleFrame[]): Promise<void> {
  const database = openLogDatabase(join(dir, 'log.sqlite'));
  const log = createSqliteDeltaLog({ database, clock: { nowMs: () => Date.now() } });
  for (const frame of frames) await log.appendBatch(frame.records);
  await log.close();
  await database.close();
}

type End = { readonly said: string; readonly done: boolean };

/** Runs the sink; kills it a moment after its `inserts`th insert began, or lets it end (`inserts` 0). */
function runSink(inserts: number, delayMs: number): Promise<End> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'testing', 'sink-child.ts'), dir], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  let isKilled = false;
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    if (inserts === 0 || isKilled || said.split('insert ').length <= inserts) return;
    isKilled = true;
    setTimeout(() => child.kill('SIGKILL'), delayMs);
  });
  return new Promise((resolve) => child.on('close', () => resolve({ said, done: said.endsWith('done\n') })));
}

describe('a hub that is killed while it stores', () => {
  it(`is exact in every table after ${KILLS} kills in the middle of inserts`, async () => {
    const frames = sampleFrames(5, 24, 80);
    await fill(frames);
    const random = mulberry32(7);
    let kills = 0;
    for (; kills < KILLS; kills += 1) {
      const end = await runSink(1 + Math.floor(random() * 12), random() * 25);
      if (end.done) break;
      expect(end.said).not.toContain('failed');
    }
    expect(kills).toBe(KILLS);
    expect((await runSink(0, 0)).done).toBe(true);
    const store = openStore({ kind: 'embedded', dataDir: join(dir, 'clickhouse') });
    try {
      await expectExact(store, factsOf(frames));
      const [noted] = await query<[string, string]>(store, 'SELECT count(), uniqExact(topic, shard, epoch, seq) FROM edgetally.sink_frames');
      expect(noted).toEqual(['240', '240']);
    } finally {
      await store.close();
    }
  }, 180_000);
});
