import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChdbConnection } from '../adapters/chdb-connection.ts';
import { serveClickHouse, type ClickHouseHttpServer, type HttpFault } from '../adapters/clickhouse-http-server.ts';
import { migrate } from '../adapters/clickhouse-migrate.ts';
import { ClickHouseSinkStore } from '../adapters/clickhouse-sink-store.ts';
import { openEngine, openStore, type ClickHouseStore } from '../adapters/clickhouse-store.ts';
import { createSqliteDeltaLog } from '../adapters/sqlite-delta-log.ts';
import { openLogDatabase } from '../adapters/sqlite-log-database.ts';
import { sampleFrames } from './sample-frames.ts';
import { caughtUp, expectExact, factsOf, startTestSink } from './sink-fixture.ts';
import { sinkContract } from './sink.contract.ts';

const dir = mkdtempSync(join(tmpdir(), 'edgetally-sink-http-'));
let engine: ChdbConnection;
let server: ClickHouseHttpServer;
let store: ClickHouseStore;
let fault: (sql: string) => HttpFault = () => ({ kind: 'none' });

beforeAll(async () => {
  engine = openEngine(join(dir, 'clickhouse'));
  server = await serveClickHouse({ connection: engine, host: '127.0.0.1', port: 0, password: '', fault: (sql) => fault(sql) });
  store = openStore({ kind: 'server', url: server.url });
});

afterAll(async () => {
  await store.close();
  await server.close();
  await engine.close();
  rmSync(dir, { recursive: true, force: true });
}, 60_000);

sinkContract('over HTTP', dir, () => store);

const NONE: HttpFault = { kind: 'none' };
/** In turn, one insert each; far enough apart that a range of three inserts can pass. */
const FAULTS: readonly HttpFault[] = [
  { kind: 'twice' },
  { kind: 'fail_before', status: 503 },
  NONE,
  NONE,
  NONE,
  NONE,
  { kind: 'delay', delayMs: 30 },
  { kind: 'fail_after', status: 500 },
  NONE,
  NONE,
  NONE,
  NONE,
  { kind: 'hang_up_after' },
  NONE,
  NONE,
  NONE,
  NONE,
];

describe('the sink and a server that misbehaves', () => {
  it('is exact though the server fails before and after executing, hangs up, delays and executes twice', async () => {
    await store.client.command({ query: 'DROP DATABASE IF EXISTS edgetally SYNC' });
    await migrate(store, Date.now());
    let inserts = 0;
    fault = (sql) => (sql.startsWith('INSERT') ? FAULTS[inserts++ % FAULTS.length]! : NONE);
    const database = openLogDatabase(join(dir, 'misbehaving.sqlite'));
    const log = createSqliteDeltaLog({ database, clock: { nowMs: () => Date.now() } });
    const frames = sampleFrames(4, 6, 60);
    await startTestSink(log, new ClickHouseSinkStore({ store }));
    // In four parts, each a range or more of every topic: enough inserts to meet every fault.
    for (const [index, frame] of frames.entries()) {
      await log.appendBatch(frame.records);
      if (index % 6 === 5) await caughtUp(log);
    }
    await caughtUp(log);
    await log.close();
    await database.close();
    fault = () => NONE;
    expect(inserts).toBeGreaterThan(FAULTS.length);
    await expectExact(store, factsOf(frames));
  });
});
