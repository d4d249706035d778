import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from 'kafkajs';
import { TrackingError } from '../../core/errors.ts';
import type { StoredRecord } from '../log/delta-log.ts';
import { askAgain, isFatalKafkaError, reviveCluster } from './kafka-client.ts';

export type KafkaRead = {
  readonly topic: string;
  readonly partition: number;
  readonly fromOffset: bigint;
  readonly maxRecords: number;
  readonly maxBytes: number;
  readonly waitMs: number;
  readonly signal: AbortSignal;
};

/** A new read joins the next fetch, which begins no later than this. */
const LONG_POLL_MS = 100;
const MAX_FETCH_BYTES = 32 * 1_048_576;
const RETRY_MS = 200;
const PATIENCE_MS = 10_000;

type Want = KafkaRead & {
  /** Its time is over; it ends with the fetch that first carries it, so that what lies in the log is always found, however short the wait. */
  isOverdue: boolean;
  /** Some fetch has carried it to its end. */
  isServed: boolean;
  resolve(records: readonly StoredRecord[]): void;
  reject(error: unknown): void;
};
type Message = { offset: string; key: Buffer | null; value: Buffer | null; isControlRecord?: boolean };
type FetchResponse = { responses: { topicName: string; partitions: { partition: number; messages: Message[] }[] }[] };

/**
 * Reads partitions on demand, one long-polling fetch a broker for all reads that wait on it. What is not asked for is not
 * fetched, so memory follows the readers.
 */
export class KafkaReader {
  readonly #cluster: Cluster;
  readonly #wants = new Map<string, Want>();
  readonly #serving = new Set<string>();
  #closed = false;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  async start(topics: readonly string[]): Promise<void> {
    await this.#cluster.connect();
    await this.#cluster.addMultipleTargetTopics([...topics]);
  }

  /**
   * Records from an offset on, in order; nothing on abort, or after `waitMs` and at least one fetch that found none (or none that came about: no broker
   * answers). One read a partition at a time.
   */
  read(options: KafkaRead): Promise<readonly StoredRecord[]> {
    if (this.#closed || options.signal.aborted) return Promise.resolve([]);
    const key = `${options.topic}/${options.partition}`;
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer);
        clearTimeout(lastTimer);
        options.signal.removeEventListener('abort', giveUp);
        if (this.#wants.get(key) === want) this.#wants.delete(key);
      };
      const giveUp = () => want.resolve([]);
      const want: Want = { ...options, isOverdue: false, isServed: false, resolve: (records) => (end(), resolve(records)), reject: (error) => (end(), reject(error)) };
      const timer = setTimeout(() => (want.isServed ? giveUp() : (want.isOverdue = true)), options.waitMs);
      const lastTimer = setTimeout(giveUp, options.waitMs + PATIENCE_MS);
      options.signal.addEventListener('abort', giveUp);
      this.#wants.set(key, want);
      this.#serveAll();
    });
  }

  /** The first offset that the log still has of each partition, in the same order. */
  async earliest(partitions: readonly { readonly topic: string; readonly partition: number }[]): Promise<readonly bigint[]> {
    const topics = [...Map.groupBy(partitions, ({ topic }) => topic)].map(([topic, group]) => {
      return { topic, partitions: group.map(({ partition }) => ({ partition })), fromBeginning: true };
    });
    const answers = await askAgain(async () => {
      await reviveCluster(this.#cluster);
      return this.#cluster.fetchTopicsOffset(topics);
    }, PATIENCE_MS);
    const offsets = new Map(answers.flatMap(({ topic, partitions }) => partitions.map(({ partition, offset }) => [`${topic}/${partition}`, offset] as const)));
    return partitions.map(({ topic, partition }) => BigInt(offsets.get(`${topic}/${partition}`) ?? '0'));
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const want of this.#wants.values()) want.resolve([]);
    await this.#cluster.disconnect().catch(() => undefined);
  }

  #serveAll(): void {
    for (const want of this.#wants.values()) {
      const leader = this.#leaderOf(want);
      if (this.#serving.has(leader)) continue;
      this.#serving.add(leader);
      void this.#serve(leader).finally(() => {
        this.#serving.delete(leader);
        if (this.#wants.size > 0) this.#serveAll();
      });
    }
  }

  async #serve(leader: string): Promise<void> {
    while (!this.#closed) {
      const wants = [...this.#wants.values()].filter((want) => this.#leaderOf(want) === leader);
      if (wants.length === 0) return;
      try {
        if (leader === NO_LEADER) throw new TrackingError('unavailable', 'no leader yet');
        this.#deliver(wants, await this.#fetch(leader, wants));
      } catch (error) {
        await this.#recover(error, wants);
      }
    }
  }

  async #fetch(leader: string, wants: readonly Want[]): Promise<FetchResponse> {
    await this.#cluster.refreshMetadataIfNecessary();
    const broker = await this.#cluster.findBroker({ nodeId: leader });
    const topics = [...Map.groupBy(wants, ({ topic }) => topic)].map(([topic, group]) => ({
      topic,
      partitions: group.map(({ partition, fromOffset, maxBytes }) => ({ partition, fetchOffset: String(fromOffset), maxBytes })),
    }));
    return broker.fetch({ maxWaitTime: LONG_POLL_MS, minBytes: 1, maxBytes: MAX_FETCH_BYTES, isolationLevel: 1, topics });
  }

  #deliver(wants: readonly Want[], { responses }: FetchResponse): void {
    for (const { topicName, partitions } of responses) {
      for (const { partition, messages } of partitions) {
        const want = wants.find((candidate) => candidate.topic === topicName && candidate.partition === partition);
        if (want === undefined || this.#wants.get(`${topicName}/${partition}`) !== want) continue;
        const records = recordsOf(messages, want);
        if (records.length > 0) want.resolve(records);
      }
    }
    for (const want of wants) {
      want.isServed = true;
      if (want.isOverdue) want.resolve([]);
    }
  }

  /** A read of records that the log no longer has fails loudly; everything else heals or waits. */
  async #recover(error: unknown, wants: readonly Want[]): Promise<void> {
    const { name, topic, partition } = error as { name?: string; topic?: string; partition?: number };
    if (name === 'KafkaJSOffsetOutOfRange') {
      const want = wants.find((candidate) => candidate.topic === topic && candidate.partition === partition);
      want?.reject(new TrackingError('storage_failed', `${topic}/${partition} has no offset ${want.fromOffset} any more`, { cause: error }));
      return;
    }
    if (isFatalKafkaError(error)) {
      for (const want of wants) want.reject(new TrackingError('storage_failed', 'the log cannot be read', { cause: error }));
      return;
    }
    await sleep(RETRY_MS);
    if (!this.#closed) await reviveCluster(this.#cluster);
  }

  #leaderOf({ topic, partition }: Want): string {
    try {
      return Object.keys(this.#cluster.findLeaderForPartitions(topic, [partition]))[0] ?? NO_LEADER;
    } catch {
      return NO_LEADER;
    }
  }
}

const NO_LEADER = '-1';

function recordsOf(messages: readonly Message[], { fromOffset, maxRecords, maxBytes }: Want): StoredRecord[] {
  const records: StoredRecord[] = [];
  let bytes = 0;
  for (const { offset, key, value, isControlRecord } of messages) {
    if (isControlRecord === true || value === null || BigInt(offset) < fromOffset) continue;
    bytes += value.length;
    if (records.length === maxRecords || (records.length > 0 && bytes > maxBytes)) break;
    records.push({ offset: BigInt(offset), key: key?.toString('utf8') ?? '', value });
  }
  return records;
}
