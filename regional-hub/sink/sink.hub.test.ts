import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { openStore, type ClickHouseStore } from '../adapters/clickhouse-store.ts';
import { WorkerRangeEncoder } from '../adapters/worker-range-encoder.ts';
import { sinkContract } from './sink.contract.ts';

const dir = mkdtempSync(join(tmpdir(), 'edgetally-sink-'));
const encoder = new WorkerRangeEncoder();
let store: ClickHouseStore;

beforeAll(() => {
  store = openStore({ kind: 'embedded', dataDir: join(dir, 'clickhouse') });
});

afterAll(async () => {
  await encoder.close();
  await store.close();
  rmSync(dir, { recursive: true, force: true });
}, 60_000);

sinkContract('embedded, encoding in a thread', dir, () => store, { encoder });
