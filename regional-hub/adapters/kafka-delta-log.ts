import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, Kafka } from 'kafkajs';
import { assert } from '../../core/errors.ts';
import { DAY_MS, SECOND_MS } from '../../core/time.ts';
import { TOPICS } from '../log/delta-log.ts';
import type { DeltaLog, LogRecord, PartitionLag, PartitionLease, Topic } from '../log/delta-log.ts';
import { KafkaAppender } from './kafka-appender.ts';
import { askAgain, createCluster, createKafkaClient } from './kafka-client.ts';
import type { Compression, KafkaConnection } from './kafka-client.ts';
import { KafkaGroup } from './kafka-group.ts';
import type { Assignment, MemberMemory } from './kafka-group.ts';
import { openKafkaLease, readPositions } from './kafka-lease.ts';
import type { KafkaConsumer, KafkaPosition } from './kafka-lease.ts';
import { KafkaReader } from './kafka-reader.ts';
import { ensureKafkaTopics } from './kafka-topics.ts';

export type KafkaDeltaLogOptions = KafkaConnection & {
  /** Before the topics' names; several networks may share a cluster. */
  readonly topicPrefix?: string;
  /** All hubs of a network are members of one group. */
  readonly groupId?: string;
  /** Of topics that do not exist yet; fixed afterwards, for a key must stay where its earlier records are. */
  readonly partitions?: number;
  /** Default 3, or as many as there are brokers. */
  readonly replication?: number;
  readonly retentionMs?: number;
  readonly compression?: Compression;
  readonly heartbeatIntervalMs?: number;
  /** A member that is silent for so long loses its partitions; default 45 s. */
  readonly sessionTimeoutMs?: number;
  /** Lets a hub that was killed take up its partitions as soon as it is back. */
  readonly memory?: MemberMemory;
  /** Nothing will mend this without help: the process should end. */
  readonly onFatal: (error: unknown) => void;
  /** Told when a handler fails; it is given a fresh lease a second later. */
  readonly onHandlerError?: (error: unknown, partition: { readonly topic: Topic; readonly partition: number }) => void;
};

const DEFAULT_PARTITIONS = 64;
const DEFAULT_RETENTION_MS = 90 * DAY_MS;
const RELEASE_DELAY_MS = SECOND_MS;
const LAG_PATIENCE_MS = 10 * SECOND_MS;

type LeaseHandler = (lease: PartitionLease) => Promise<void>;
type Held = {
  readonly consumer: KafkaConsumer;
  readonly assignment: Assignment;
  readonly positions: Promise<ReadonlyMap<string, KafkaPosition>>;
  readonly topic: string;
  readonly partition: number;
};

/** The log on Apache Kafka: any number of hubs append and share the partitions among them. */
export function createKafkaDeltaLog(options: KafkaDeltaLogOptions): DeltaLog {
  return new KafkaDeltaLog(options);
}

class KafkaDeltaLog implements DeltaLog {
  readonly #options: KafkaDeltaLogOptions;
  readonly #kafka: Kafka;
  readonly #prefix: string;
  readonly #groupId: string;
  readonly #appender: KafkaAppender;
  #topics: Promise<ReadonlyMap<string, number>> | null = null;
  #admin: Admin | null = null;
  #consumer: KafkaConsumer | null = null;

  constructor(options: KafkaDeltaLogOptions) {
    this.#options = options;
    this.#kafka = createKafkaClient(options);
    this.#prefix = options.topicPrefix ?? '';
    this.#groupId = options.groupId ?? `${this.#prefix}edgetally-hub`;
    this.#appender = new KafkaAppender({
      kafka: this.#kafka,
      compression: options.compression ?? 'zstd',
      partitionsOf: async (topic) => (await this.#topicPartitions()).get(topic) ?? 0,
    });
  }

  async ensureTopics(): Promise<void> {
    await this.#topicPartitions();
  }

  appendBatch(records: readonly LogRecord[]): Promise<void> {
    return this.#appender.append(records.map(({ topic, key, value }) => ({ topic: this.#prefix + topic, key, value })));
  }

  async consume(onLease: LeaseHandler): Promise<void> {
    assert(this.#consumer === null, 'a Kafka log is consumed once');
    const topics = [...(await this.#topicPartitions()).keys()];
    const reader = new KafkaReader(createCluster(this.#kafka, this.#groupId));
    const group = new KafkaGroup({
      ...this.#options,
      cluster: createCluster(this.#kafka, this.#groupId),
      groupId: this.#groupId,
      topics,
      onAssigned: (assignment) => this.#runHandlers(assignment, onLease),
    });
    this.#consumer = { group, reader };
    await reader.start(topics);
    await group.start();
  }

  async lag(): Promise<readonly PartitionLag[]> {
    await this.ensureTopics();
    return askAgain(() => this.#withAdmin((admin) => this.#lagAt(admin)), LAG_PATIENCE_MS);
  }

  async #lagAt(admin: Admin): Promise<readonly PartitionLag[]> {
    const topics = Object.values(TOPICS);
    const committed = await admin.fetchOffsets({ groupId: this.#groupId, topics: topics.map((topic) => this.#prefix + topic) });
    const lags = await Promise.all(
      topics.map(async (topic) => {
        const ends = await admin.fetchTopicOffsets(this.#prefix + topic);
        const finished = committed.find((answer) => answer.topic === this.#prefix + topic)?.partitions ?? [];
        return ends.map(({ partition, high, low }): PartitionLag => {
          const at = BigInt(finished.find((answer) => answer.partition === partition)?.offset ?? '-1');
          return { topic, partition, endOffset: BigInt(high), finishedOffset: at < 0n ? BigInt(low) : at };
        });
      }),
    );
    return lags.flat().toSorted((a, b) => a.topic.localeCompare(b.topic) || a.partition - b.partition);
  }

  async close(): Promise<void> {
    await this.#consumer?.group.stop();
    await this.#consumer?.reader.close();
    await this.#appender.close();
    await this.#dropAdmin();
  }

  async #runHandlers(assignment: Assignment, onLease: LeaseHandler): Promise<void> {
    const consumer = this.#consumer;
    assert(consumer !== null, 'handlers run while the log is consumed');
    const positions = readPositions(consumer, assignment);
    await Promise.all(assignment.partitions.map((id) => this.#runHandler({ consumer, assignment, positions, ...id }, onLease)));
  }

  async #runHandler({ consumer, assignment, positions, topic: kafkaTopic, partition }: Held, onLease: LeaseHandler): Promise<void> {
    const { lost } = assignment;
    const topic = this.#topicOf(kafkaTopic);
    for (let known = positions; !lost.aborted; known = readPositions(consumer, assignment)) {
      try {
        const position = (await known).get(`${kafkaTopic}/${partition}`);
        assert(position !== undefined, 'every partition has a position');
        if (lost.aborted) return;
        await onLease(openKafkaLease({ ...consumer, assignment, topic, partition, kafkaTopic, position }));
      } catch (error) {
        if (!lost.aborted) this.#options.onHandlerError?.(error, { topic, partition });
      }
      await sleep(RELEASE_DELAY_MS, undefined, { signal: lost }).catch(() => undefined);
      if (lost.aborted) return;
    }
  }

  #topicOf(kafkaTopic: string): Topic {
    const topic = Object.values(TOPICS).find((name) => this.#prefix + name === kafkaTopic);
    assert(topic !== undefined, `topic ${kafkaTopic} is ours`);
    return topic;
  }

  /** Asked once; a failure is forgotten, so that the next caller asks again. */
  #topicPartitions(): Promise<ReadonlyMap<string, number>> {
    this.#topics ??= this.#withAdmin((admin) =>
      ensureKafkaTopics(admin, {
        topics: Object.values(TOPICS).map((topic) => this.#prefix + topic),
        partitions: this.#options.partitions ?? DEFAULT_PARTITIONS,
        replication: this.#options.replication ?? null,
        retentionMs: this.#options.retentionMs ?? DEFAULT_RETENTION_MS,
      }),
    ).catch((error: unknown) => {
      this.#topics = null;
      throw error;
    });
    return this.#topics;
  }

  async #withAdmin<Result>(work: (admin: Admin) => Promise<Result>): Promise<Result> {
    try {
      if (this.#admin === null) {
        this.#admin = this.#kafka.admin();
        await this.#admin.connect();
      }
      return await work(this.#admin);
    } catch (error) {
      await this.#dropAdmin();
      throw error;
    }
  }

  async #dropAdmin(): Promise<void> {
    const admin = this.#admin;
    this.#admin = null;
    await admin?.disconnect().catch(() => undefined);
  }
}
