import { evictDurableObject, reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import type { DurableObjectNamespace, DurableObjectStub } from '@cloudflare/workers-types';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { decodeBase64Url } from '../core/crypto/base64url.ts';
import { DISPOSITIONS } from '../core/disposition.ts';
import { AdShard } from './ad-shard.ts';
import type { ShardEnv } from './ad-shard.ts';
import type { SpillQueue, SpillStatus } from './spill-queue.ts';
import { batchOf } from './testing/batches.ts';
import { TestHub } from './testing/test-hub.ts';

type TestEnv = ShardEnv & { readonly SHARDS: DurableObjectNamespace<AdShard>; readonly SPILL: DurableObjectNamespace<SpillQueue> };
const { SHARDS, SPILL, FLUSH_KEY } = env as unknown as TestEnv;
const SHARD = 'live.us.e0.1.0';
const T = Date.UTC(2026, 10, 1);

let hub: TestHub;
const realFetch = globalThis.fetch;
beforeEach(() => {
  hub = new TestHub(decodeBase64Url(FLUSH_KEY) as Uint8Array);
  globalThis.fetch = ((input: string, init: RequestInit) => hub.handle(input, init as never)) as typeof fetch;
});
afterEach(async () => {
  vi.restoreAllMocks();
  expect(hub.complaints).toEqual([]);
  await reset();
  globalThis.fetch = realFetch;
});

const queueOf = () => SPILL.getByName('spill.us.0');
const refusalOf = (call: PromiseLike<unknown>): Promise<unknown> => Promise.resolve(call.then(() => null, (cause: unknown) => cause));
const emptied = (queue: DurableObjectStub<SpillQueue>) =>
  vi.waitFor(async () => expect(await queue.status()).toMatchObject({ batches: 0, shards: 0 }), { timeout: 15_000, interval: 50 });
const eventually = (check: () => unknown) => vi.waitFor(check, { timeout: 15_000, interval: 50 });

/** Makes shards fail as durable objects can: before they have done anything, or after everything is stored. */
function breakShards(when: 'before' | 'after', times: number): void {
  const { recordOnce } = AdShard.prototype;
  let left = times;
  vi.spyOn(AdShard.prototype, 'recordOnce').mockImplementation(async function (this: AdShard, ticket, batch) {
    left -= 1;
    if (left < 0) return recordOnce.call(this, ticket, batch);
    if (when === 'after') await recordOnce.call(this, ticket, batch);
    throw new Error('the connection broke');
  });
}

test('what is held reaches its shard, in order, and the queue is empty again', async () => {
  const queue = queueOf();
  for (let i = 0; i < 5; i += 1) await queue.hold(SHARD, batchOf([{ id: `c${i}`, viewer: 'a', atMs: T + i }]));
  await queue.hold('live.eu.e0.0.0', batchOf([{ id: 'e1', atMs: T }]));
  await emptied(queue);
  await eventually(() => expect(hub.rawEventIds()).toHaveLength(6));
  expect(hub.rawEventIds().filter((id) => id.startsWith('c'))).toEqual(['c0', 'c1', 'c2', 'c3', 'c4']);
  expect(hub.counts()).toEqual({ counted: 2, duplicate: 4 });
});

test.each(['before', 'after'] as const)('a hand-over that breaks %s the shard has stored it is repeated, and counts once', async (when) => {
  breakShards(when, 2);
  const queue = queueOf();
  await queue.hold(SHARD, batchOf([{ id: 'c1', atMs: T }, { id: 'c1', atMs: T }]));
  await queue.hold(SHARD, batchOf([{ id: 'c2', atMs: T }]));
  await emptied(queue);
  await eventually(() => expect(hub.rawEventIds()).toEqual(['c1', 'c1', 'c2']));
  expect(hub.counts()).toEqual({ counted: 2, duplicate: 1 });
  expect(hub.ledger()).toEqual({ 'edge.accepted': 3, 'shard.counted': 2, 'shard.duplicate': 1 });
});

test('a ticket stays taken across the shard\'s eviction', async () => {
  const shard = SHARDS.getByName(SHARD);
  const batch = batchOf([{ id: 'c1', atMs: T }]);
  await shard.recordOnce({ queue: 'q', seq: 1, batchId: '' }, batch);
  await evictDurableObject(shard as never);
  await shard.recordOnce({ queue: 'q', seq: 1, batchId: '' }, batch);
  expect(await shard.status()).toMatchObject({ rows: 1 });
  await shard.recordOnce({ queue: 'other', seq: 1, batchId: '' }, batch);
  expect(await shard.status()).toMatchObject({ rows: 2 });
});

test('a batch that its shard had recorded when the edge gave it up is not recorded again, nor one that was held twice', async () => {
  const shard = SHARDS.getByName(SHARD);
  const queue = queueOf();
  const batch = batchOf([{ id: 'c1', atMs: T }]);
  await shard.record(batch, 'AAECAwQFBgc');
  await evictDurableObject(shard as never);
  await queue.hold(SHARD, batch, 'AAECAwQFBgc');
  for (let times = 0; times < 2; times++) await queue.hold(SHARD, batchOf([{ id: 'c2', atMs: T }]), 'AAECAwQFBgg');
  await emptied(queue);
  await eventually(() => expect(hub.rawEventIds()).toEqual(['c1', 'c2']));
  expect(hub.ledger()).toEqual({ 'edge.accepted': 2, 'shard.counted': 2 });
});

test('what is held survives the queue\'s eviction, and its alarm brings it on', async () => {
  const queue = queueOf();
  breakShards('before', 1);
  await queue.hold(SHARD, batchOf([{ id: 'c1', atMs: T }]));
  await evictDurableObject(queue as never);
  await eventually(() => expect(hub.rawEventIds()).toEqual(['c1']));
  await emptied(queue);
});

test('a spilled click is judged with what came while it waited', async () => {
  const shard = SHARDS.getByName(SHARD);
  await queueOf().hold(SHARD, batchOf([{ id: 'c1', viewer: 'a', atMs: T }]));
  expect([...(await shard.record(batchOf([{ id: 'c2', viewer: 'a', atMs: T + 1 }])))]).toEqual([DISPOSITIONS.counted]);
  await emptied(queueOf());
  await eventually(() => expect(hub.counts()).toEqual({ counted: 1, duplicate: 1 }));
});

test('garbage, and names of no shard, are refused and not held', async () => {
  const queue = queueOf();
  expect(await refusalOf(queue.hold(SHARD, new Uint8Array([9, 9])))).toMatchObject({ code: 'corrupt_bytes' });
  expect(await refusalOf(queue.hold('nowhere', batchOf([{ id: 'c1', atMs: T }])))).toMatchObject({ code: 'bad_configuration' });
  expect(await queue.status()).toEqual({ batches: 0, bytes: 0, refused: 0, shards: 0, oldestHeldAtMs: null } satisfies SpillStatus);
});

test('a batch that its shard will never take leaves the line, is kept and reported', async () => {
  const queue = queueOf();
  vi.spyOn(console, 'error').mockReturnValue(undefined);
  const { recordOnce } = AdShard.prototype;
  vi.spyOn(AdShard.prototype, 'recordOnce').mockImplementation(async function (this: AdShard, ticket, batch) {
    if (ticket.seq === 1) throw Object.assign(new Error('unreadable'), { code: 'corrupt_bytes' });
    return recordOnce.call(this, ticket, batch);
  });
  await queue.hold(SHARD, batchOf([{ id: 'c1', atMs: T }]));
  await queue.hold(SHARD, batchOf([{ id: 'c2', atMs: T }]));
  await eventually(() => expect(hub.rawEventIds()).toEqual(['c2']));
  expect(await queue.status()).toMatchObject({ batches: 1, refused: 1, shards: 0, oldestHeldAtMs: null });
});
