import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { ClickHouseLogLevel, createClient, type ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChdbConnection } from './chdb-connection.ts';
import { serveClickHouse, type ClickHouseHttpServer } from './clickhouse-http-server.ts';
import { openEngine } from './clickhouse-store.ts';

const dir = mkdtempSync(join(tmpdir(), 'edgetally-http-'));
const password = 'not a real one';
let engine: ChdbConnection;
let server: ClickHouseHttpServer;
let client: ClickHouseClient;

beforeAll(async () => {
  engine = openEngine(join(dir, 'clickhouse'));
  server = await serveClickHouse({ connection: engine, host: '127.0.0.1', port: 0, password });
  client = createClient({ url: server.url, password, compression: { request: true, response: true }, log: { level: ClickHouseLogLevel.OFF } });
  await client.command({ query: 'CREATE TABLE t (a String, b UInt64) ENGINE = MergeTree ORDER BY b' });
});

afterAll(async () => {
  await client.close();
  await server.close();
  await engine.close();
  rmSync(dir, { recursive: true, force: true });
}, 60_000);

const authorized = { authorization: `Basic ${Buffer.from(`default:${password}`).toString('base64')}` };

describe("the embedded engine on ClickHouse's HTTP port", () => {
  it('serves the real client: inserts, settings, parameters, compression both ways', async () => {
    await client.insert({ table: 't', values: Array.from({ length: 1_000 }, (_, b) => ({ a: `ünï ${b}`, b })), format: 'JSONEachRow' });
    const result = await client.query({
      query: 'SELECT a, b FROM t WHERE b >= {from:UInt64} ORDER BY b LIMIT 2',
      query_params: { from: 998 },
      clickhouse_settings: { max_threads: 1, output_format_json_quote_64bit_integers: 0 },
      query_id: 'mine',
      format: 'JSONEachRow',
    });
    expect(result.query_id).toBe('mine');
    expect(result.response_headers['x-clickhouse-query-id']).toBe('mine');
    expect(await result.json()).toEqual([{ a: 'ünï 998', b: 998 }, { a: 'ünï 999', b: 999 }]);
    expect((await client.ping()).success).toBe(true);
  });

  it('takes parameters as long as queries have them: they travel in the address', async () => {
    const values = Array.from({ length: 1_000 }, (_, i) => `campaign-${i}-`.padEnd(64, 'x'));
    const result = await client.query({ query: 'SELECT length({values:Array(String)}) AS n', query_params: { values }, format: 'JSONEachRow' });
    expect(await result.json()).toEqual([{ n: '1000' }]);
  });

  it('answers errors as ClickHouse does', async () => {
    await expect(client.query({ query: 'SELECT * FROM missing' })).rejects.toMatchObject({ code: '60', type: 'UNKNOWN_TABLE' });
    await expect(client.command({ query: 'SELEC 1' })).rejects.toMatchObject({ code: '62', type: 'SYNTAX_ERROR' });
    const reply = await fetch(server.url, { method: 'POST', body: 'SELECT * FROM missing', headers: authorized });
    expect([reply.status, reply.headers.get('x-clickhouse-exception-code')]).toEqual([404, '60']);
  });

  it('takes plain requests: text replies by tabs, gzip bodies, no rows inside the statement', async () => {
    const ask = (path: string, init: RequestInit = {}) => fetch(`${server.url}${path}`, { ...init, headers: { ...authorized, ...init.headers } });
    expect(await (await ask('/?query=SELECT%201,2')).text()).toBe('1\t2\n');
    const insert = await ask(`/?query=${encodeURIComponent('INSERT INTO t FORMAT CSV')}`, {
      method: 'POST',
      body: gzipSync('"gz\n\nDROP TABLE t;",5000\n'),
      headers: { 'content-encoding': 'gzip' },
    });
    expect(insert.status).toBe(200);
    expect(await (await ask('/?query=SELECT%20count()%20FROM%20t%20WHERE%20b=5000')).text()).toBe('1\n');
    expect((await ask('/', { method: 'POST', body: 'INSERT INTO t FORMAT CSV\n"x",1' })).status).toBe(400);
  });

  it('lets nobody in without the password', async () => {
    expect((await fetch(`${server.url}/?query=SELECT%201`)).status).toBe(403);
    expect((await fetch(`${server.url}/?query=SELECT%201&password=wrong`)).status).toBe(403);
  });

  it('stops the query of a caller who hung up', async () => {
    const controller = new AbortController();
    const running = client.query({ query: 'SELECT count() FROM numbers(2e13)', abort_signal: controller.signal });
    await sleep(300);
    controller.abort();
    await expect(running).rejects.toThrow();
    const left = async () => (await (await client.query({ query: "SELECT count() AS n FROM system.processes WHERE query LIKE '%2e13%' AND query NOT LIKE '%processes%'" })).json<{ n: string }>()).data[0]!.n;
    for (let i = 0; i < 20 && (await left()) !== '0'; i += 1) await sleep(100);
    expect(await left()).toBe('0');
  });

  it('runs as a command: says when it is ready, and ends gracefully', async () => {
    const readyFile = join(dir, 'ready.json');
    const args = [join(import.meta.dirname, '../../scripts/clickhouse.ts'), '--port', '0', '--data-dir', join(dir, 'command'), '--ready-file', readyFile];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise<void>((resolve) => child.stdout.on('data', (chunk: Buffer) => chunk.includes('clickhouse ready http://') && resolve()));
    const { url, pid } = JSON.parse(readFileSync(readyFile, 'utf8')) as { url: string; pid: number };
    expect(pid).toBe(child.pid);
    expect(await (await fetch(`${url}/ping`)).text()).toBe('Ok.\n');
    child.kill('SIGTERM');
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(0);
  });
});
