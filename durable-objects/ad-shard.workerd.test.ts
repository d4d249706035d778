import { evictDurableObject, reset, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import type { DurableObjectNamespace, DurableObjectStub } from '@cloudflare/workers-types';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { DISPOSITIONS } from '../core/disposition.ts';
import { decodeBase64Url } from '../core/crypto/base64url.ts';
import type { AdShard, AdShardStatus, ShardEnv } from './ad-shard.ts';
import { batchOf } from './testing/batches.ts';
import { TestHub } from './testing/test-hub.ts';

type TestEnv = ShardEnv & { readonly SHARDS: DurableObjectNamespace<AdShard> };
const { SHARDS, FLUSH_KEY } = env as unknown as TestEnv;
const { counted, duplicate } = DISPOSITIONS;
const T = Date.UTC(2026, 10, 1);

let hub: TestHub;
const realFetch = globalThis.fetch;

beforeEach(() => {
  hub = new TestHub(decodeBase64Url(FLUSH_KEY) as Uint8Array);
  globalThis.fetch = ((input: string, init: RequestInit) => hub.handle(input, init as never)) as typeof fetch;
});
afterEach(async () => {
  expect(hub.complaints).toEqual([]);
  await reset();
  globalThis.fetch = realFetch;
});

const shardOf = (name = 'live.us.e0.3.0'): DurableObjectStub<AdShard> => SHARDS.getByName(name);
const evict = (shard: DurableObjectStub<AdShard>) => evictDurableObject(shard as never);
const statusWhen = (shard: DurableObjectStub<AdShard>, holds: (status: AdShardStatus) => boolean): Promise<AdShardStatus> =>
  vi.waitFor(
    async () => {
      const status = (await shard.status()) as AdShardStatus;
      expect(holds(status), JSON.stringify(status)).toBe(true);
      return status;
    },
    { timeout: 15_000, interval: 50 },
  );
/** What a call was refused with; a promise of another object must be met with both its handlers at once. */
const refusalOf = (call: PromiseLike<unknown>): Promise<unknown> => Promise.resolve(call.then(() => null, (cause: unknown) => cause));
const drained = (shard: DurableObjectStub<AdShard>) => statusWhen(shard, (status) => status.pendingEvents === 0);

describe('record', () => {
  test('answers one code an event, and the hub hears of it within the policy\'s delay', async () => {
    const shard = shardOf();
    const codes = await shard.record(
      batchOf([
        { kind: 'impression', id: 'i1', viewer: 'a', atMs: T },
        { id: 'c1', viewer: 'a', impression: 'i1', atMs: T + 5_000 },
        { id: 'c1', viewer: 'a', impression: 'i1', atMs: T + 5_000 },
        { id: 'c2', viewer: 'a', atMs: T + 6_000 },
        { id: 'c3', viewer: 'b', atMs: T + 6_000 },
      ]),
    );
    expect([...codes]).toEqual([counted, counted, duplicate, duplicate, counted]);
    expect(await drained(shard)).toMatchObject({ shard: 'live.us.e0.3.0', region: 'us', rows: 1, sealedSeq: 1, ackedSeq: 1, outboxBytes: 0, halted: null });
    expect(hub.counts()).toEqual({ counted: 3, duplicate: 2 });
    expect(hub.billable()).toBe(1);
    expect(hub.ledger()).toEqual({ 'edge.accepted': 5, 'shard.counted': 3, 'shard.duplicate': 2 });
    expect(hub.rawEventIds()).toEqual(['i1', 'c1', 'c1', 'c2', 'c3']);
    expect(hub.deliveries[0]).toMatchObject({
      url: 'http://hub-a.test/v1/flush',
      header: { shard: 'live.us.e0.3.0', source: 'live', region: 'us', seq: 1, firstRow: 1, lastRow: 1, rawEvents: 5, pendingEvents: 0 },
    });
  });

  test('an impression that comes after its click makes it billable by a correction', async () => {
    const shard = shardOf();
    await shard.record(batchOf([{ id: 'c1', viewer: 'a', impression: 'i1', atMs: T + 1_000 }]));
    await evict(shard);
    await shard.record(batchOf([{ kind: 'impression', id: 'i1', viewer: 'a', atMs: T }]));
    await drained(shard);
    expect(hub.billable()).toBe(1);
    expect(hub.counts()).toEqual({ counted: 2 });
  });

  test('garbage is refused with a code, changes nothing and spares the object', async () => {
    const shard = shardOf();
    await shard.record(batchOf([{ id: 'c1', viewer: 'a', atMs: T }]));
    for (const garbage of [new Uint8Array(0), new Uint8Array([1, 2, 3]), batchOf([{ id: 'c9', atMs: T }]).slice(0, -1)]) {
      expect(await refusalOf(shard.record(garbage))).toMatchObject({ code: 'corrupt_bytes' });
    }
    expect(await shard.status()).toMatchObject({ rows: 1, pendingEvents: 1 });
  });

  test('a shard whose name says no region is refused', async () => {
    expect(await refusalOf(shardOf('nonsense').record(batchOf([])))).toMatchObject({ code: 'bad_configuration' });
  });

  test('calls that come together are judged one after the other', async () => {
    const shard = shardOf();
    const replies = await Promise.all(Array.from({ length: 40 }, (_, i) => shard.record(batchOf([{ id: `c${i % 10}`, atMs: T + i }]))));
    expect(replies.filter(([code]) => code === counted)).toHaveLength(10);
    await drained(shard);
    expect(hub.counts()).toEqual({ counted: 10, duplicate: 30 });
  });
});

describe('eviction', () => {
  test('loses neither memory nor cells: duplicates stay duplicates and every event is flushed once', async () => {
    const shard = shardOf();
    for (let i = 0; i < 5; i += 1) {
      await shard.record(batchOf([{ id: `c${i}`, viewer: `v${i}`, atMs: T + i }]));
      await evict(shard);
    }
    const codes = await shard.record(batchOf([{ id: 'c2', viewer: 'v2', atMs: T }, { id: 'c9', viewer: 'v2', atMs: T + 30_000 }]));
    expect([...codes]).toEqual([duplicate, duplicate]);
    await drained(shard);
    expect(hub.counts()).toEqual({ counted: 5, duplicate: 2 });
    expect(hub.rawEventIds()).toEqual(['c0', 'c1', 'c2', 'c3', 'c4', 'c2', 'c9']);
  });

  test('after acked frames the numbering goes on, under the same epoch', async () => {
    const shard = shardOf();
    await shard.record(batchOf([{ id: 'c1', atMs: T }]));
    const before = await drained(shard);
    await evict(shard);
    await shard.record(batchOf([{ id: 'c1', atMs: T }]));
    const after = await drained(shard);
    expect(after).toMatchObject({ epoch: before.epoch, rows: 2, sealedSeq: 2, ackedSeq: 2 });
    expect(hub.counts()).toEqual({ counted: 1, duplicate: 1 });
  });
});

describe('a hub that misbehaves', () => {
  test('after a lost ack the same bytes are sent again, across an eviction too', async () => {
    hub.mood = 'ack_lost';
    const shard = shardOf();
    await shard.record(batchOf([{ id: 'c1', atMs: T }]));
    await statusWhen(shard, (status) => status.sealedSeq === 1 && status.lastFailure !== null);
    await evict(shard);
    await shard.record(batchOf([{ id: 'c2', atMs: T }]));
    await vi.waitFor(() => expect(hub.deliveries.length).toBeGreaterThanOrEqual(4), { timeout: 10_000 });
    hub.mood = 'well';
    expect(await drained(shard)).toMatchObject({ ackedSeq: 2, lastFailure: null });
    expect(new Set(hub.deliveries.map(({ header, digest }) => `${header.seq}/${digest}`)).size).toBe(2);
    expect(hub.counts()).toEqual({ counted: 2 });
  });

  test('the next hub of the list is tried at once, and stayed with', async () => {
    hub.moods = ['down', 'well', 'well'];
    const shard = shardOf();
    await shard.record(batchOf([{ id: 'c1', atMs: T }]));
    await drained(shard);
    await shard.record(batchOf([{ id: 'c2', atMs: T }]));
    await drained(shard);
    expect(hub.deliveries.map(({ url }) => url)).toEqual(['http://hub-b.test/v1/flush', 'http://hub-b.test/v1/flush']);
  });

  test.each(['down', 'status_500', 'garbage', 'foreign_ack', 'frame_gap'] as const)(
    '%s: nothing is forgotten, the alarm comes again, and the backlog arrives in order',
    async (mood) => {
      hub.mood = mood;
      const shard = shardOf();
      await shard.record(batchOf([{ id: 'c1', atMs: T }]));
      const failing = await statusWhen(shard, (status) => status.lastFailure !== null);
      expect(failing).toMatchObject({ ackedSeq: 0, pendingEvents: 1, halted: null });
      await shard.record(batchOf([{ id: 'c2', atMs: T }]));
      expect(await runInDurableObject(shard as never, (_, ctx) => ctx.storage.getAlarm())).not.toBeNull();
      hub.mood = 'well';
      await drained(shard);
      expect(hub.counts()).toEqual({ counted: 2 });
    },
  );

  test.each(['frame_conflict', 'stale_epoch'] as const)('%s halts the shard, for good, until an operator resumes it', async (mood) => {
    hub.mood = mood;
    const shard = shardOf();
    await shard.record(batchOf([{ id: 'c1', atMs: T }]));
    await statusWhen(shard, (status) => status.halted === mood);
    hub.mood = 'well';
    await evict(shard);
    expect(await shard.status()).toMatchObject({ halted: mood, pendingEvents: 1 });
    expect([...(await shard.record(batchOf([{ id: 'c1', atMs: T }, { id: 'c2', atMs: T }])))]).toEqual([duplicate, counted]);
    expect(hub.deliveries).toEqual([]);
    await shard.resume();
    expect(await drained(shard)).toMatchObject({ halted: null });
    expect(hub.counts()).toEqual({ counted: 2, duplicate: 1 });
  });

  test('the policy of an ack is adopted and survives an eviction', async () => {
    hub.policy = { ...hub.policy, maxDelayMs: 60_000 };
    const shard = shardOf();
    await shard.record(batchOf([{ id: 'c1', atMs: T }]));
    await drained(shard);
    await evict(shard);
    const beforeMs = Date.now();
    await shard.record(batchOf([{ id: 'c2', atMs: T }]));
    const alarmAtMs = await runInDurableObject(shard as never, (_, ctx) => ctx.storage.getAlarm());
    expect(alarmAtMs).toBeGreaterThanOrEqual(beforeMs + 60_000);
  });
});

test('past the outbox bound a shard refuses with a code and loses nothing', async () => {
  hub.policy = { ...hub.policy, maxOutboxBytes: 8 * 1024 * 1024 };
  const shard = shardOf();
  await shard.record(batchOf([{ id: 'c0', atMs: T }]));
  await drained(shard);
  hub.mood = 'down';
  const noise = (i: number, j: number) => Array.from({ length: 30 }, (_, k) => Math.sin(i * 7_919 + j * 104_729 + k).toString(36).slice(3)).join('');
  let taken = 1;
  let refusal: unknown = null;
  for (let i = 1; i < 100; i += 1) {
    const batch = batchOf(Array.from({ length: 1_000 }, (_, j) => ({ id: `c${i}.${j}`, atMs: T, userAgent: noise(i, j) })));
    refusal = await refusalOf(shard.record(batch));
    if (refusal !== null) break;
    taken += 1_000;
  }
  expect(refusal).toMatchObject({ code: 'overloaded' });
  await evict(shard);
  hub.mood = 'well';
  await drained(shard);
  expect(hub.counts()).toEqual({ counted: taken });
  expect(new Set(hub.rawEventIds()).size).toBe(taken);
}, 60_000);
