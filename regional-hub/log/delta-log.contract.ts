import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TOPICS } from './delta-log.ts';
import type { DeltaLog, LogRecord, PartitionLease, RangeClaim, StoredRecord } from './delta-log.ts';

/** One storage, and ways to come to it. */
export type LogHarness = {
  /** A log over the storage; what earlier ones wrote is there. */
  open(): Promise<DeltaLog>;
  /** Another member of the consumer group beside `log`, perhaps `log` itself. */
  rival(log: DeltaLog): Promise<DeltaLog>;
  dispose(): Promise<void>;
  /** A waiting read answers an append within this. */
  readonly wakeMs: number;
};

const READ = { maxRecords: 1_000, maxBytes: 64 * 1_048_576, waitMs: 100 };
const TEST_MS = 60_000;

/** What every `DeltaLog` promises; each adapter runs it. */
export function describeDeltaLog(name: string, makeHarness: () => Promise<LogHarness>): void {
  describe(name, { timeout: TEST_MS }, () => {
    let harness: LogHarness;
    let log: DeltaLog;

    beforeEach(async () => {
      harness = await makeHarness();
      log = await harness.open();
      await log.ensureTopics();
    }, TEST_MS);
    afterEach(async () => {
      await log.close();
      await harness.dispose();
    }, TEST_MS);

    it('gives the records of a key back in the order of the appends, on their topic', async () => {
      for (let i = 0; i < 20; i += 1) await log.appendBatch([record('a', i), record('b', i), { ...record('a', i), topic: TOPICS.raw }]);
      const records = await collect(log, 60);
      expect(numbersOf(records, TOPICS.deltas, 'a')).toEqual(upTo(20));
      expect(numbersOf(records, TOPICS.deltas, 'b')).toEqual(upTo(20));
      expect(numbersOf(records, TOPICS.raw, 'a')).toEqual(upTo(20));
    });

    it('keeps the order of the calls when appends are under way together', async () => {
      await Promise.all(upTo(200).map((i) => log.appendBatch([record(`key-${i % 7}`, i)])));
      const records = await collect(log, 200);
      for (let key = 0; key < 7; key += 1) {
        expect(numbersOf(records, TOPICS.deltas, `key-${key}`)).toEqual(upTo(200).filter((i) => i % 7 === key));
      }
    });

    it('keeps what it acknowledged through a close and a new life', async () => {
      await log.appendBatch([record('a', 0)]);
      await log.close();
      log = await harness.open();
      await log.appendBatch([record('a', 1)]);
      expect(numbersOf(await collect(log, 2), TOPICS.deltas, 'a')).toEqual([0, 1]);
    });

    it('takes the same record twice', async () => {
      await log.appendBatch([record('a', 1)]);
      await log.appendBatch([record('a', 1)]);
      await log.appendBatch([record('a', 2)]);
      expect((await collect(log, 2)).filter(({ record }) => numberOf(record) === 1).length).toBeGreaterThanOrEqual(2);
    });

    it('carries records of several MiB, byte for byte', async () => {
      const value = new Uint8Array(7 * 1_048_576);
      for (let i = 0; i < value.length; i += 1) value[i] = (i * 2_654_435_761) >>> 13;
      await log.appendBatch([{ topic: TOPICS.raw, key: 'big', value }]);
      const [only] = await collect(log, 1);
      expect(Buffer.compare(Buffer.from(only?.record.value ?? []), Buffer.from(value))).toBe(0);
    });

    it('gives at least one record, however small the byte limit, and never more than asked', async () => {
      for (let i = 0; i < 5; i += 1) await log.appendBatch([record('a', i)]);
      const lease = await leaseWith(log, 'a');
      const first = await readSome(lease, { fromOffset: lease.nextOffset, maxRecords: 1_000, maxBytes: 1, waitMs: 5_000 });
      expect(first.length).toBe(1);
      const two = await readSome(lease, { fromOffset: (first[0]?.offset ?? 0n) + 1n, maxRecords: 2, maxBytes: 1_000_000, waitMs: 5_000 });
      expect(two.map(numberOf)).toEqual([1, 2]);
      expect((await readSome(lease, { ...READ, fromOffset: lease.nextOffset })).map(numberOf)[0]).toBe(0);
    });

    it('shows an unfinished claim to the next life exactly as it was made, and nothing once it is finished', async () => {
      for (let i = 0; i < 4; i += 1) await log.appendBatch([record('a', i)]);
      let lease = await leaseWith(log, 'a');
      const records = await readSome(lease, { ...READ, fromOffset: lease.nextOffset });
      const range = rangeOf(records.slice(0, 3), 1_700_000_000_123);
      await lease.claim(range);
      await log.close();

      log = await harness.open();
      lease = await leaseWith(log, 'a');
      expect(lease.unfinished).toEqual(range);
      const again = await readSome(lease, { ...READ, fromOffset: range.minOffset });
      expect(again.filter(({ offset }) => offset <= range.maxOffset).map(numberOf)).toEqual([0, 1, 2]);
      await lease.claim(range);
      await lease.finish(range);
      expect(lease.nextOffset).toBe(range.maxOffset + 1n);
      await log.close();

      log = await harness.open();
      lease = await leaseWith(log, 'a');
      expect(lease.unfinished).toBeNull();
      expect((await readSome(lease, { ...READ, fromOffset: lease.nextOffset })).map(numberOf)).toEqual([3]);
    });

    it('lets no consumer claim or finish what another one has taken over', async () => {
      await log.appendBatch([record('a', 0)]);
      const lease = await leaseWith(log, 'a');
      const range = rangeOf(await readSome(lease, { ...READ, fromOffset: lease.nextOffset }), 1_700_000_000_000);
      await lease.claim(range);
      const rival = await harness.rival(log);
      try {
        const taken = firstLease(rival, lease);
        await lost(lease.lost);
        expect(await lease.read({ ...READ, fromOffset: 0n })).toEqual([]);
        await expect(lease.finish(range)).rejects.toMatchObject({ code: 'lease_lost' });
        await expect(lease.claim(range)).rejects.toMatchObject({ code: 'lease_lost' });
        if (rival !== log) await log.close();
        const lease2 = await taken;
        expect(lease2.unfinished).toEqual(range);
        await lease2.finish(range);
        expect(lease2.nextOffset).toBe(1n);
      } finally {
        await rival.close();
      }
    });

    it('gives a handler that failed a fresh lease', async () => {
      await log.appendBatch([record('a', 0)]);
      const partition = (await log.lag()).find(({ endOffset }) => endOffset === 1n);
      let lives = 0;
      await new Promise<void>((resolve) => {
        void log.consume(async (lease) => {
          if (lease.topic !== partition?.topic || lease.partition !== partition.partition) return;
          lives += 1;
          if (lives === 1) throw new Error('first life fails');
          resolve();
        });
      });
      expect(lives).toBe(2);
    });

    it('says how far the store trails', async () => {
      for (let i = 0; i < 3; i += 1) await log.appendBatch([record('a', i)]);
      expect(totalLag(await log.lag())).toBe(3n);
      const lease = await leaseWith(log, 'a');
      const records = await readSome(lease, { ...READ, fromOffset: lease.nextOffset });
      const range = rangeOf(records.slice(0, 2), 1_700_000_000_000);
      await lease.claim(range);
      expect(totalLag(await log.lag())).toBe(3n);
      await lease.finish(range);
      expect(totalLag(await log.lag())).toBe(1n);
    });

    it('wakes a waiting read soon after an append', async () => {
      await log.appendBatch([record('a', 0)]);
      const lease = await leaseWith(log, 'a');
      const [first] = await readSome(lease, { ...READ, fromOffset: lease.nextOffset });
      const waiting = lease.read({ ...READ, fromOffset: (first?.offset ?? 0n) + 1n, waitMs: 10_000 });
      await new Promise((resolve) => setTimeout(resolve, 300));
      await log.appendBatch([record('a', 1)]);
      const appended = performance.now();
      expect((await waiting).map(numberOf)).toEqual([1]);
      expect(performance.now() - appended).toBeLessThan(harness.wakeMs);
    });

    it('gives nothing when nothing comes', async () => {
      await log.appendBatch([record('a', 0)]);
      const lease = await leaseWith(log, 'a');
      expect(await lease.read({ ...READ, fromOffset: 1n, waitMs: 150 })).toEqual([]);
    });
  });
}

/** A record whose value says `number`. */
export function record(key: string, number: number): LogRecord {
  return { topic: TOPICS.deltas, key, value: new TextEncoder().encode(JSON.stringify(number)) };
}

/** The number in a record made by `record`. */
export function numberOf({ value }: StoredRecord): number {
  return JSON.parse(new TextDecoder().decode(value));
}

/** The lease of the partition that key `key` of topic `deltas` fell into; there must be no other records. */
async function leaseWith(log: DeltaLog, key: string): Promise<PartitionLease> {
  const partition = (await log.lag()).find(({ topic, endOffset }) => topic === TOPICS.deltas && endOffset > 0n);
  if (partition === undefined) throw new Error(`nothing was appended for ${key}`);
  return firstLease(log, partition);
}

function firstLease(log: DeltaLog, partition: { topic: string; partition: number }): Promise<PartitionLease> {
  return new Promise((resolve, reject) => {
    log
      .consume(async (lease) => {
        if (lease.topic === partition.topic && lease.partition === partition.partition) resolve(lease);
        await lost(lease.lost);
      })
      .catch(reject);
  });
}

/** Reads until something comes. */
export async function readSome(lease: PartitionLease, options: Parameters<PartitionLease['read']>[0]): Promise<readonly StoredRecord[]> {
  for (;;) {
    const records = await lease.read(options);
    if (records.length > 0 || lease.lost.aborted) return records;
  }
}

type Collected = { readonly topic: string; readonly partition: number; readonly record: StoredRecord };

/** Records of all partitions until `count` different ones are there, finishing none; order within a partition is kept. */
export async function collect(log: DeltaLog, count: number): Promise<Collected[]> {
  const all: Collected[] = [];
  const seen = new Set<string>();
  await new Promise<void>((resolve, reject) => {
    const onLease = async (lease: PartitionLease) => {
      let fromOffset = lease.nextOffset;
      while (!lease.lost.aborted && seen.size < count) {
        const records = await lease.read({ ...READ, fromOffset });
        for (const record of records) {
          all.push({ topic: lease.topic, partition: lease.partition, record });
          seen.add(`${lease.topic} ${record.key} ${record.value.length > 1_000 ? record.offset : numberOf(record)}`);
        }
        fromOffset = (records.at(-1)?.offset ?? fromOffset - 1n) + 1n;
      }
      if (seen.size >= count) resolve();
    };
    log.consume(onLease).catch(reject);
  });
  return all;
}

/** Resolves when a lease is gone. */
function lost(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve());
  });
}

export function rangeOf(records: readonly StoredRecord[], claimedAtMs: number): RangeClaim {
  const [first, last] = [records[0], records.at(-1)];
  if (first === undefined || last === undefined) throw new Error('a range has records');
  return { minOffset: first.offset, maxOffset: last.offset, claimedAtMs };
}

/** The numbers of a key in the order in which each first came: a log may repeat, never reorder. */
export function numbersOf(records: readonly Collected[], topic: string, key: string): number[] {
  return [...new Set(records.filter((entry) => entry.topic === topic && entry.record.key === key).map(({ record }) => numberOf(record)))];
}

export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

function totalLag(partitions: Awaited<ReturnType<DeltaLog['lag']>>): bigint {
  return partitions.reduce((sum, { endOffset, finishedOffset }) => sum + endOffset - finishedOffset, 0n);
}
