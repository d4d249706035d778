import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KafkaCluster } from '../../scripts/kafka-cluster.ts';
import { TOPICS } from '../log/delta-log.ts';
import type { DeltaLog, PartitionLease } from '../log/delta-log.ts';
import { collect, describeDeltaLog, numberOf, numbersOf, rangeOf, readSome, record, upTo } from '../log/delta-log.contract.ts';
import { createKafkaDeltaLog } from './kafka-delta-log.ts';
import type { KafkaDeltaLogOptions } from './kafka-delta-log.ts';
import { KAFKA_MISSING, startTestKafka } from './testing/kafka.ts';

if (KAFKA_MISSING !== null) console.warn(`Kafka tests are skipped: ${KAFKA_MISSING}`);

describe.skipIf(KAFKA_MISSING !== null)('against a real broker', { timeout: 120_000 }, () => {
  let cluster: KafkaCluster;
  let networks = 0;

  beforeAll(async () => {
    cluster = await startTestKafka();
  }, 120_000);
  afterAll(() => cluster.stop(), 60_000);

  const openLog = (topicPrefix: string, options: Partial<KafkaDeltaLogOptions> = {}): DeltaLog =>
    createKafkaDeltaLog({
      brokers: cluster.brokers,
      clientId: 'edgetally-test',
      topicPrefix,
      partitions: 4,
      heartbeatIntervalMs: 250,
      onFatal: (error) => {
        throw error;
      },
      ...options,
    });
  const nextPrefix = () => `net-${(networks += 1)}.`;

  describeDeltaLog('the log on Kafka', async () => {
    const prefix = nextPrefix();
    return {
      open: async () => openLog(prefix),
      rival: async () => openLog(prefix),
      dispose: async () => undefined,
      wakeMs: 1_000,
    };
  });

  it.each(['none', 'gzip', 'zstd'] as const)('reads back what it compressed with %s', async (compression) => {
    const log = openLog(nextPrefix(), { compression });
    await log.appendBatch(upTo(50).map((i) => record('a', i)));
    expect(numbersOf(await collect(log, 50), TOPICS.deltas, 'a')).toEqual(upTo(50));
    await log.close();
  });

  it('takes many large appends at once', async () => {
    const log = openLog(nextPrefix());
    const value = Buffer.alloc(3 * 1_048_576, 7);
    await Promise.all(upTo(12).map((i) => log.appendBatch([{ topic: TOPICS.raw, key: `key-${i % 3}`, value }])));
    expect(await collect(log, 12)).toHaveLength(12);
    await log.close();
  });

  it('splits the partitions among members, each to one owner', async () => {
    const prefix = nextPrefix();
    const logs = [openLog(prefix), openLog(prefix)];
    const held = logs.map(() => new Set<string>());
    await Promise.all(logs.map((log, i) => log.consume((lease) => holding(lease, held[i]!))));
    await expect.poll(() => held.map(({ size }) => size), { timeout: 30_000 }).toEqual([4, 4]);
    expect(new Set([...held[0]!, ...held[1]!]).size).toBe(8);
    await logs[0]!.close();
    await expect.poll(() => held[1]!.size, { timeout: 30_000 }).toBe(8);
    await logs[1]!.close();
  });

  it('refuses the claim of a member that the group gave up, even before that member knows', async () => {
    const prefix = nextPrefix();
    const zombie = openLog(prefix, { heartbeatIntervalMs: 20_000, sessionTimeoutMs: 6_000 });
    await zombie.appendBatch([record('a', 1)]);
    const partition = (await zombie.lag()).find(({ endOffset }) => endOffset > 0n);
    const leaseIn = (log: DeltaLog) =>
      new Promise<PartitionLease>((resolve) => {
        void log.consume((lease) => {
          if (lease.topic === partition?.topic && lease.partition === partition.partition) resolve(lease);
          return holding(lease, new Set());
        });
      });
    const old = await leaseIn(zombie);
    const [first] = await readSome(old, { fromOffset: 0n, maxRecords: 1, maxBytes: 1_000, waitMs: 1_000 });
    const range = rangeOf([first!], 5);
    await old.claim(range);
    const heir = openLog(prefix);
    const lease = await leaseIn(heir);
    expect(old.lost.aborted).toBe(false);
    expect(lease.unfinished).toEqual(range);
    await expect(old.finish(range)).rejects.toMatchObject({ code: 'lease_lost' });
    await lease.finish(range);
    await Promise.all([zombie.close(), heir.close()]);
  });

  it('a member that died hands over as soon as its next life is here, long before its session ends', async () => {
    const prefix = nextPrefix();
    let remembered = '';
    const memory = { recall: () => remembered, remember: (memberId: string) => void (remembered = memberId) };
    const held = new Set<string>();
    const dead = openLog(prefix, { heartbeatIntervalMs: 30_000, memory });
    await dead.consume((lease) => holding(lease, new Set()));
    expect(remembered).not.toBe('');
    const next = openLog(prefix, { memory });
    const startedAtMs = Date.now();
    await next.consume((lease) => holding(lease, held));
    await expect.poll(() => held.size, { timeout: 30_000 }).toBe(8);
    expect(Date.now() - startedAtMs).toBeLessThan(20_000);
    await Promise.all([next.close(), dead.close()]);
  });

  it('loses nothing that it acknowledged, and no order, when the broker is killed and started again under it', async () => {
    const log = openLog(nextPrefix());
    await log.ensureTopics();
    const acknowledged = new Map<string, number[]>();
    const reading = readAll(log);
    const stop = Date.now() + 14_000;
    const keys = ['a', 'b', 'c', 'd', 'e'];
    const senders = keys.map(async (key) => {
      for (let i = 0; Date.now() < stop; i += 3) {
        const batch = upTo(3).map((n) => record(key, i + n));
        while (!(await appended(log, batch)));
        acknowledged.set(key, [...(acknowledged.get(key) ?? []), i, i + 1, i + 2]);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    });
    for (let i = 0; i < 2; i += 1) {
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      await cluster.kill(1, 'SIGKILL');
      await new Promise((resolve) => setTimeout(resolve, 500));
      await cluster.restart(1);
    }
    await Promise.all(senders);
    for (const key of keys) {
      const expected = acknowledged.get(key) ?? [];
      expect(expected.length).toBeGreaterThan(100);
      await expect.poll(() => firstSeen(reading.of(key)), { timeout: 30_000 }).toEqual(upTo(expected.length));
    }
    await log.close();
  });
});

/** As a shard does it: what was refused is tried again before anything newer. */
async function appended(log: DeltaLog, batch: ReturnType<typeof record>[]): Promise<boolean> {
  try {
    await log.appendBatch(batch);
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'unavailable' });
    return false;
  }
}

async function holding(lease: PartitionLease, held: Set<string>): Promise<void> {
  const name = `${lease.topic}/${lease.partition}`;
  held.add(name);
  await new Promise((resolve) => lease.lost.addEventListener('abort', resolve));
  held.delete(name);
}

/** Consumes everything in the background, claiming and finishing as a sink does; what was read again after a loss is there again. */
function readAll(log: DeltaLog): { of(key: string): number[] } {
  const seen = new Map<string, number[]>();
  void log.consume(async (lease) => {
    while (!lease.lost.aborted) {
      const records = await readSome(lease, { fromOffset: lease.nextOffset, maxRecords: 500, maxBytes: 1_000_000, waitMs: 200 });
      const [first, last] = [records[0], records.at(-1)];
      if (first === undefined || last === undefined) continue;
      const range = lease.unfinished ?? { minOffset: first.offset, maxOffset: last.offset, claimedAtMs: 1 };
      const claimed = lease.nextOffset === lease.unfinished?.minOffset ? range : { minOffset: first.offset, maxOffset: last.offset, claimedAtMs: 1 };
      await lease.claim(claimed);
      for (const entry of records.filter(({ offset }) => offset <= claimed.maxOffset)) {
        seen.set(entry.key, [...(seen.get(entry.key) ?? []), numberOf(entry)]);
      }
      await lease.finish(claimed);
    }
  });
  return { of: (key) => seen.get(key) ?? [] };
}

/** Numbers in the order in which each was first seen. */
function firstSeen(numbers: readonly number[]): number[] {
  return [...new Set(numbers)];
}
