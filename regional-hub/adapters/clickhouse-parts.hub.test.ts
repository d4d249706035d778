import { mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate } from './clickhouse-migrate.ts';
import { mendParts, restMerges, resumeMerges } from './clickhouse-parts.ts';
import { openStore, type ClickHouseStore } from './clickhouse-store.ts';

const dir = mkdtempSync(join(tmpdir(), 'edgetally-parts-'));
const beganAtMs = Date.now();
let store: ClickHouseStore;

beforeAll(async () => {
  store = openStore({ kind: 'embedded', dataDir: dir });
  await migrate(store, beganAtMs);
}, 60_000);

afterAll(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
}, 60_000);

const command = (query: string) => store.client.command({ query });
const rows = async <Row>(query: string): Promise<Row[]> => (await store.client.query({ query, format: 'JSONEachRow' })).json<Row>();
const clicks = async (): Promise<number> => Number((await rows<{ n: string }>('SELECT sum(count) AS n FROM edgetally.rollup_1m'))[0]?.n);
const minutes = (from: number, count: number) =>
  command(`INSERT INTO edgetally.rollup_1m (window, ad_id, count, last_stored_at) SELECT toDateTime('2026-11-01 00:00:00', 'UTC') + 60 * (${from} + number), 'ad-1', 1, now() FROM numbers(${count})`);

/** What an engine does that finds the disk full in the middle of a merge, and does not notice. */
async function damageNewestPart(): Promise<void> {
  await command('OPTIMIZE TABLE edgetally.rollup_1m FINAL');
  const [part] = await rows<{ path: string }>("SELECT path FROM system.parts WHERE table = 'rollup_1m' AND active ORDER BY modification_time DESC LIMIT 1");
  const marks = readdirSync(part?.path ?? '').filter((file) => file.includes('mrk'));
  expect(marks.length).toBeGreaterThan(0);
  for (const file of marks) truncateSync(join(part?.path ?? '', file));
}

describe('a part that a full disk has damaged', () => {
  it('is set aside, and what it was merged from is read again: nothing is missing', async () => {
    for (let from = 0; from < 500; from += 100) await minutes(from, 100);
    await damageNewestPart();
    await command('SYSTEM DROP MARK CACHE');
    await expect(clicks()).rejects.toThrow(/mark/i);
    expect(await mendParts(store, beganAtMs)).toEqual(['rollup_1m']);
    expect(await clicks()).toBe(500);
    await minutes(500, 100);
    expect(await clicks()).toBe(600);
  });

  it('sound parts, and what was written long before, are left as they are', async () => {
    expect(await mendParts(store, beganAtMs)).toEqual([]);
    await damageNewestPart();
    expect(await mendParts(store, Date.now() + 60_000)).toEqual([]);
    expect(await mendParts(store, beganAtMs)).toEqual(['rollup_1m']);
  });

  it('cannot come about while merges rest', async () => {
    await restMerges(store);
    await minutes(1_000, 10);
    await expect(command('OPTIMIZE TABLE edgetally.rollup_1m FINAL')).rejects.toThrow(/cancel|abort|merge/i);
    await resumeMerges(store);
    await command('OPTIMIZE TABLE edgetally.rollup_1m FINAL');
    expect(await clicks()).toBe(610);
  });
});
