import { setTimeout as delay } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { DEFAULT_MIN_CELL_USERS } from '../../query/suppression.ts';
import { catalogueHandlers } from '../../control/catalogue-handlers.ts';
import { openControlDatabase } from '../../control/control-database.ts';
import { createControlPlane } from '../../control/control-plane.ts';
import { keyHandlers } from '../../control/key-handlers.ts';
import { networkHandlers } from '../../control/network-handlers.ts';
import { opsHandlers } from '../../ops/ops-handlers.ts';
import { PipelineState } from '../../ops/pipeline-state.ts';
import type { Statement } from '../../query/builder.ts';
import { queryHandlers } from '../../query/query-handlers.ts';
import { streamHandlers } from '../../stream/stream-handlers.ts';
import { OpenStreams } from '../../stream/stream-response.ts';
import { createApp } from '../app.ts';
import { pageHandlers } from '../page-handlers.ts';

export const INTERNAL_TOKEN = 'internal-token-of-tests';
export const SNAPSHOT_KEY = Buffer.alloc(32, 7);

/** The hub's whole HTTP side over a control database in memory; the store is a list of the statements that it was asked. */
export function createTestHub(options: { databasePath?: string } = {}) {
  let nowMs = Date.UTC(2026, 9, 1);
  let seed = 0;
  const clock = { nowMs: () => nowMs };
  const database = openControlDatabase(options.databasePath ?? ':memory:');
  const published: string[] = [];
  const plane = createControlPlane({
    database,
    clock,
    randomBytes: (count) => Uint8Array.from({ length: count }, () => (seed = (seed * 75 + 74) % 65_537) & 0xff),
    plan: { regions: ['us', 'eu'], shardEpochs: [{ epoch: 0, sinceMs: 0, shards: 4 }] },
    snapshotKey: SNAPSHOT_KEY,
    publishers: [{ publish: (text) => void published.push(text), close: async () => undefined }],
  });
  const statements: Statement[] = [];
  const engine = { rows: async (statement: Statement) => (statements.push(statement), []) };
  const pipeline = new PipelineState({ lag: async () => [] }, clock);
  const streams = new OpenStreams();
  const queries = { engine, clock, watermarkMs: async () => 0, minCellUsers: DEFAULT_MIN_CELL_USERS };
  const sleep = (delayMs: number) => delay(Math.min(delayMs, 5));
  const errors: unknown[] = [];
  const app = createApp({
    verifyKey: (key) => plane.keys.verify(key),
    internalToken: INTERNAL_TOKEN,
    onError: (error) => void errors.push(error),
    handlers: {
      ...pageHandlers,
      ...catalogueHandlers(plane),
      ...keyHandlers(plane),
      ...networkHandlers(plane),
      ...queryHandlers({ ...queries, pipelineLagSeconds: async () => 0 }),
      ...streamHandlers({ ...queries, finishedRanges: async () => 0n, sleep, streams, isKeyAlive: () => true }),
      ...opsHandlers({ engine, clock, sleep, pipeline, regions: ['us', 'eu'], registry: new Registry(), watermarkMs: queries.watermarkMs, isReady: () => true }),
      flush: () => new Response('{"code":"unauthorized"}', { status: 401 }),
    },
  });
  const call = async (method: string, path: string, init: { key?: string; body?: unknown; raw?: string; headers?: Record<string, string> } = {}) => {
    const headers = { ...(init.key === undefined ? {} : { authorization: `Bearer ${init.key}` }), ...init.headers };
    const body = init.raw ?? (init.body === undefined ? undefined : JSON.stringify(init.body));
    return app.request(path, { method, headers, ...(body === undefined ? {} : { body }) });
  };
  return {
    app,
    plane,
    call,
    published,
    statements,
    streams,
    errors,
    keyFor: (...scopes: string[]) => plane.keys.create({ scopes, name: 'test', requiresSignature: false, nowMs }).key,
    advance: (byMs: number) => void (nowMs += byMs),
    close: () => database.close(),
  };
}
