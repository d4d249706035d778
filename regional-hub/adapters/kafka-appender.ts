import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import type { Kafka, Producer, RecordMetadata } from 'kafkajs';
import { TrackingError } from '../../core/errors.ts';
import { SECOND_MS } from '../../core/time.ts';
import { COMPRESSIONS, isFatalKafkaError } from './kafka-client.ts';
import type { Compression } from './kafka-client.ts';

const { Partitioners } = kafkajs;

/** A record with the broker's name of its topic. */
export type KafkaRecord = { readonly topic: string; readonly key: string; readonly value: Uint8Array };

export type KafkaAppenderOptions = {
  readonly kafka: Kafka;
  readonly compression: Compression;
  /** Partitions of a topic; asked once a topic. */
  readonly partitionsOf: (topic: string) => Promise<number>;
  /** A send is repeated for so long before its callers hear `unavailable`. */
  readonly patienceMs?: number;
};

const PATIENCE_MS = 20 * SECOND_MS;
const RETRY_MS = 200;
/** Appends that wait together are sent together up to here; a batch of one partition must stay below the topic's limit. */
const MAX_SEND_BYTES = 8 * 1_048_576;

type Call = { readonly records: readonly KafkaRecord[]; readonly bytes: number; resolve(): void; reject(error: unknown): void };
type Message = { partition: number; key: string; value: Buffer };
type TopicMessages = { topic: string; messages: Message[] }[];

/**
 * One send at a time, so that nothing overtakes; everything that waits meanwhile goes with the next. A failed send is repeated whole, in its
 * order, by a new producer: the old one's sequence numbers no longer say what the broker has, and reused for other records they would
 * make the broker drop those as repeats.
 */
export class KafkaAppender {
  readonly #options: KafkaAppenderOptions;
  readonly #choosePartition = Partitioners.DefaultPartitioner();
  #producer: Producer | null = null;
  #queue: Call[] = [];
  #sending = false;
  #sent: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: KafkaAppenderOptions) {
    this.#options = options;
  }

  /** Acknowledged by every replica in sync before it resolves. */
  append(records: readonly KafkaRecord[]): Promise<void> {
    if (this.#closed) return Promise.reject(new TrackingError('unavailable', 'the log is closed'));
    const bytes = records.reduce((sum, { value }) => sum + value.length, 0);
    return new Promise((resolve, reject) => {
      this.#queue.push({ records, bytes, resolve, reject });
      if (!this.#sending) this.#sent = this.#sendQueue();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#sent;
    await this.#dropProducer();
  }

  async #sendQueue(): Promise<void> {
    this.#sending = true;
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0) {
      const group = this.#takeGroup();
      try {
        await this.#sendForSure(group.flatMap(({ records }) => records));
        for (const call of group) call.resolve();
      } catch (cause) {
        const error = new TrackingError('unavailable', 'the brokers do not take records now', { cause });
        for (const call of [...group, ...this.#queue.splice(0)]) call.reject(error);
      }
    }
    this.#sending = false;
  }

  #takeGroup(): Call[] {
    let bytes = 0;
    const fitting = this.#queue.findIndex((call) => (bytes += call.bytes) > MAX_SEND_BYTES);
    return this.#queue.splice(0, fitting === -1 ? this.#queue.length : Math.max(1, fitting));
  }

  async #sendForSure(records: readonly KafkaRecord[]): Promise<void> {
    const patience = AbortSignal.timeout(this.#options.patienceMs ?? PATIENCE_MS);
    for (;;) {
      try {
        return await this.#send(records);
      } catch (error) {
        await this.#dropProducer();
        if (patience.aborted || isFatalKafkaError(error)) throw error;
        await sleep(RETRY_MS);
      }
    }
  }

  async #send(records: readonly KafkaRecord[]): Promise<void> {
    const topicMessages = await this.#messagesOf(records);
    const producer = (this.#producer ??= await this.#connectProducer());
    const compression = COMPRESSIONS[this.#options.compression];
    const answers = await producer.sendBatch({ acks: -1, compression, topicMessages });
    if (!coversAll(topicMessages, answers)) throw new TrackingError('unavailable', 'a partition did not answer');
  }

  async #messagesOf(records: readonly KafkaRecord[]): Promise<TopicMessages> {
    const topicMessages: TopicMessages = [];
    for (const [topic, group] of Map.groupBy(records, (record) => record.topic)) {
      const partitionMetadata = partitionList(await this.#options.partitionsOf(topic));
      const messages = group.map(({ key, value }) => {
        const message = { key, value: Buffer.from(value.buffer, value.byteOffset, value.byteLength) };
        return { ...message, partition: this.#choosePartition({ topic, partitionMetadata, message }) };
      });
      topicMessages.push({ topic, messages });
    }
    return topicMessages;
  }

  async #connectProducer(): Promise<Producer> {
    const producer = this.#options.kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      retry: { retries: 1 },
    });
    await producer.connect();
    return producer;
  }

  async #dropProducer(): Promise<void> {
    const producer = this.#producer;
    this.#producer = null;
    await producer?.disconnect().catch(() => undefined);
  }
}

/**
 * The library forgets a partition whose leader moved, in the middle of a send, to a broker that had answered already,
 * and reports success: so every partition must be among the answers.
 */
function coversAll(topicMessages: TopicMessages, answers: readonly RecordMetadata[]): boolean {
  const answered = new Set(answers.filter(({ errorCode }) => errorCode === 0).map(({ topicName, partition }) => `${topicName}/${partition}`));
  return topicMessages.every(({ topic, messages }) => messages.every(({ partition }) => answered.has(`${topic}/${partition}`)));
}

/** As much of a topic's metadata as the partitioner reads for a record with a key. */
function partitionList(count: number) {
  return Array.from({ length: count }, (_, partitionId) => ({ partitionId, partitionErrorCode: 0, leader: 0, replicas: [], isr: [] }));
}
