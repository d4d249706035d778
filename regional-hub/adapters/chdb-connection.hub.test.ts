import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { drainStream } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore, type ClickHouseStore } from './clickhouse-store.ts';

const dir = mkdtempSync(join(tmpdir(), 'edgetally-chdb-'));
let store: ClickHouseStore;

beforeAll(async () => {
  store = openStore({ kind: 'embedded', dataDir: dir, engine: { sessions: 3 } });
  await store.client.command({ query: `CREATE TABLE t (a String, b UInt64) ENGINE = MergeTree ORDER BY b SETTINGS non_replicated_deduplication_window = 100` });
});

afterAll(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
}, 60_000);

async function one<Row>(query: string, query_params: Record<string, unknown> = {}): Promise<Row> {
  const rows = await (await store.client.query({ query, query_params, format: 'JSONEachRow' })).json<Row>();
  return rows[0]!;
}

const count = async (): Promise<number> => Number((await one<{ n: string }>('SELECT count() AS n FROM t')).n);

describe('the embedded engine behind the client', () => {
  it('lets no setting outlive its statement, on any session', async () => {
    const usual = await one<{ v: string }>("SELECT value AS v FROM system.settings WHERE name = 'max_threads'");
    for (let i = 0; i < 6; i += 1) await store.client.command({ query: 'SELECT 1', clickhouse_settings: { max_threads: 7, async_insert: 1 } });
    for (let i = 0; i < 6; i += 1) {
      expect(await one("SELECT value AS v FROM system.settings WHERE name = 'max_threads'")).toEqual(usual);
      expect(await one("SELECT value AS v FROM system.settings WHERE name = 'async_insert'")).toEqual({ v: '0' });
    }
  });

  it('lets no setting outlive a statement that fails', async () => {
    for (let i = 0; i < 4; i += 1) {
      await expect(store.client.command({ query: 'SELECT nonsense', clickhouse_settings: { max_block_size: '17' } })).rejects.toThrow(/nonsense/);
      expect((await one<{ v: string }>("SELECT value AS v FROM system.settings WHERE name = 'max_block_size'")).v).not.toBe('17');
    }
  });

  it('never runs rows as SQL, and keeps every byte of them', async () => {
    const before = await count();
    const text = `x\n\nDROP TABLE t;\n'";\\ \u0000 ünï 😀`;
    await store.client.insert({ table: 't', values: [{ a: text, b: 1 }], format: 'JSONEachRow' });
    await store.client.insert({ table: 't', values: Readable.from(['"y', '\n\nDROP TABLE t;', '",2\n'], { objectMode: false }), format: 'CSV' });
    expect(await count()).toBe(before + 2);
    expect((await one<{ a: string }>('SELECT a FROM t WHERE b = 1')).a).toBe(text);
    const binary = Buffer.from([3, 0xff, 0x00, 0xfe, 9, 0, 0, 0, 0, 0, 0, 0]);
    const { stream } = await store.client.exec({ query: 'INSERT INTO t FORMAT RowBinary', values: Readable.from([binary], { objectMode: false }) });
    await drainStream(stream);
    expect(await one('SELECT hex(a) AS h FROM t WHERE b = 9')).toEqual({ h: 'FF00FE' });
  });

  it('drops a block that comes again under its token, and leaks the token to nobody', async () => {
    const before = await count();
    const insert = (token: string, b: number) =>
      store.client.command({ query: `INSERT INTO t SETTINGS insert_deduplication_token = '${token}' VALUES ('same', ${b})` });
    await insert('one', 100);
    await insert('one', 101);
    await insert('two', 102);
    for (let i = 0; i < 4; i += 1) await store.client.command({ query: `INSERT INTO t SELECT 'select', ${200 + i}` });
    expect(await count()).toBe(before + 2 + 4);
  });

  it('binds parameters side by side, text and dates without loss', async () => {
    const hostile = `a'b\\c\n\t\u0001{x}--`;
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) => one<{ s: string; n: number; l: string[] }>('SELECT {s:String} AS s, {n:UInt32} AS n, {l:Array(String)} AS l', { s: `${hostile}${i}`, n: i, l: [hostile, String(i)] })),
    );
    answers.forEach((answer, i) => expect(answer).toEqual({ s: `${hostile}${i}`, n: i, l: [hostile, String(i)] }));
    const at = new Date('2026-03-04T05:06:07.089Z');
    expect(await one("SELECT toString({at:DateTime64(3, 'UTC')}) AS at", { at })).toEqual({ at: '2026-03-04 05:06:07.089' });
  });

  it("refuses a statement whose parameter is missing, rather than use another caller's", async () => {
    for (let i = 0; i < 4; i += 1) await one('SELECT {tenant:String} AS tenant', { tenant: 'somebody' });
    for (let i = 0; i < 4; i += 1) await expect(one('SELECT {tenant:String} AS tenant')).rejects.toThrow(/tenant/);
  });

  it('stops a query that its caller gave up', async () => {
    const controller = new AbortController();
    const running = store.client.query({ query: 'SELECT count() FROM numbers(1e13)', abort_signal: controller.signal });
    await sleep(300);
    const at = performance.now();
    controller.abort();
    await expect(running).rejects.toThrow('The user aborted a request.');
    expect(performance.now() - at).toBeLessThan(3_000);
    const left = () => one<{ n: string }>("SELECT count() AS n FROM system.processes WHERE query LIKE '%1e13%' AND query NOT LIKE '%processes%'");
    for (let i = 0; i < 40 && (await left()).n !== '0'; i += 1) await sleep(50);
    expect(await left()).toEqual({ n: '0' });
  });

  it('gives no caller what a failed statement of another one had already written', async () => {
    for (let i = 0; i < 6; i += 1) {
      const failing = store.client.query({ query: "SELECT number, 'secret', throwIf(number = 200000) FROM numbers(1000000) SETTINGS max_block_size = 10000", format: 'CSV' });
      await expect(failing).rejects.toThrow(/throwIf/);
      expect(await one('SELECT 1 AS x')).toEqual({ x: 1 });
    }
  });

  it('reports errors with the code of the engine, and leaves nothing in the spool', async () => {
    await expect(store.client.command({ query: 'SELECT * FROM missing' })).rejects.toMatchObject({ code: '60', type: 'UNKNOWN_TABLE' });
    await expect(store.client.insert({ table: 't', values: Readable.from(['not json'], { objectMode: false }), format: 'CSV' })).rejects.toThrow();
    expect(readdirSync(join(dir, 'spool'))).toEqual([]);
  });

  it('quotes 64-bit numbers, so that none loses a digit', async () => {
    expect(await one('SELECT 18446744073709551615::UInt64 AS n')).toEqual({ n: '18446744073709551615' });
  });
});
