import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import { TrackingError } from '../../core/errors.ts';
import { SECOND_MS } from '../../core/time.ts';
import { isFatalKafkaError } from './kafka-client.ts';

export type KafkaTopicOptions = {
  readonly topics: readonly string[];
  readonly partitions: number;
  /** Null: 3, or as many as there are brokers. */
  readonly replication: number | null;
  readonly retentionMs: number;
};

/** A frame has 8 MiB at most, its records a little more, and a send is grouped up to 8 MiB. */
const MAX_MESSAGE_BYTES = 16 * 1_048_576;
const PATIENCE_MS = 30 * SECOND_MS;
const RETRY_MS = 300;

/** Creates the topics that are missing and waits until every partition has a leader; gives the number of partitions of each. */
export async function ensureKafkaTopics(admin: Admin, options: KafkaTopicOptions): Promise<ReadonlyMap<string, number>> {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  for (;;) {
    try {
      await createMissing(admin, options);
      const { topics } = await admin.fetchTopicMetadata({ topics: [...options.topics] });
      const led = topics.every(({ partitions }) => partitions.length > 0 && partitions.every(({ leader }) => leader >= 0));
      if (led && topics.length === options.topics.length) return new Map(topics.map(({ name, partitions }) => [name, partitions.length]));
      if (patience.aborted) throw new TrackingError('unavailable', 'the topics have no leaders');
    } catch (cause) {
      if (isFatalKafkaError(cause)) throw new TrackingError('bad_configuration', `the topics cannot be created: ${String(cause)}`, { cause });
      if (patience.aborted) throw new TrackingError('unavailable', 'no broker answers', { cause });
    }
    await sleep(RETRY_MS);
  }
}

async function createMissing(admin: Admin, options: KafkaTopicOptions): Promise<void> {
  const existing = new Set(await admin.listTopics());
  const missing = options.topics.filter((topic) => !existing.has(topic));
  if (missing.length === 0) return;
  const replicationFactor = options.replication ?? Math.min(3, (await admin.describeCluster()).brokers.length);
  const configEntries = [
    { name: 'retention.ms', value: String(options.retentionMs) },
    { name: 'max.message.bytes', value: String(MAX_MESSAGE_BYTES) },
    { name: 'min.insync.replicas', value: String(replicationFactor > 2 ? 2 : 1) },
  ];
  await admin.createTopics({
    waitForLeaders: false,
    topics: missing.map((topic) => ({ topic, numPartitions: options.partitions, replicationFactor, configEntries })),
  });
}
