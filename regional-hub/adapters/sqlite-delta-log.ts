import { setTimeout as sleep } from 'node:timers/promises';
import { TrackingError, assert } from '../../core/errors.ts';
import { DAY_MS, MINUTE_MS, SECOND_MS } from '../../core/time.ts';
import type { Clock } from '../../core/time.ts';
import { TOPICS } from '../log/delta-log.ts';
import type { DeltaLog, LogRecord, PartitionLease, RangeClaim } from '../log/delta-log.ts';
import { sameRange } from './same-range.ts';
import type { LogDatabase } from './sqlite-log-database.ts';
import { SqlitePartition, preparePartitionStatements } from './sqlite-partition.ts';
import { pruneRecords } from './sqlite-prune.ts';

/** A topic is one partition: one engine behind one process gains nothing from more, and each range costs tens of milliseconds of CPU. */
const PARTITION = 0;
const PRUNE_EVERY_MS = MINUTE_MS;
const RELEASE_DELAY_MS = SECOND_MS;

export type SqliteDeltaLogOptions = {
  readonly database: LogDatabase;
  readonly clock: Clock;
  /** Finished records older than this are deleted. */
  readonly retentionMs?: number;
  /** Above this size the oldest finished records are deleted. */
  readonly retentionBytes?: number;
  /** Told when a handler fails; it is given a fresh lease a second later. */
  readonly onHandlerError?: (error: unknown, lease: PartitionLease) => void;
};

const DEFAULT_RETENTION_MS = 7 * DAY_MS;
const DEFAULT_RETENTION_BYTES = 4 * 1_024 ** 3;

/** The embedded log: one SQLite file, one process. The database is the caller's to close, after the log. */
export function createSqliteDeltaLog(options: SqliteDeltaLogOptions): DeltaLog {
  return new SqliteDeltaLog(options);
}

class SqliteDeltaLog implements DeltaLog {
  readonly #options: SqliteDeltaLogOptions;
  readonly #partitions: readonly SqlitePartition[];
  readonly #appends = new Set<Promise<void>>();
  #consumer: AbortController | null = null;
  readonly #handlers: Promise<void>[] = [];
  #prunedAtMs = 0;
  #closed = false;

  constructor(options: SqliteDeltaLogOptions) {
    this.#options = options;
    const { database } = options;
    const statements = preparePartitionStatements(database.sqlite);
    this.#partitions = Object.values(TOPICS).map((topic) => new SqlitePartition({ topic, partition: PARTITION }, database, statements));
  }

  async ensureTopics(): Promise<void> {}

  async appendBatch(records: readonly LogRecord[]): Promise<void> {
    if (this.#closed) throw new TrackingError('unavailable', 'the log is closed');
    if (records.length === 0) return;
    const nowMs = this.#options.clock.nowMs();
    const targets = records.map((record) => this.#partitionOf(record));
    const append = this.#options.database.writer.write(() => {
      records.forEach((record, i) => targets[i]?.append(record.key, record.value, nowMs));
    });
    this.#appends.add(append);
    try {
      await append;
    } catch (error) {
      for (const partition of this.#partitions) partition.reload();
      throw error;
    } finally {
      this.#appends.delete(append);
    }
    for (const partition of new Set(targets)) partition.wake();
  }

  /** A second call takes every partition over: the first one's leases are lost at once. */
  async consume(onLease: (lease: PartitionLease) => Promise<void>): Promise<void> {
    assert(!this.#closed, 'a closed log is not consumed');
    this.#consumer?.abort();
    const consumer = new AbortController();
    this.#consumer = consumer;
    for (const partition of this.#partitions) this.#handlers.push(this.#runHandler(partition, consumer.signal, onLease));
  }

  async lag() {
    return this.#partitions.map(({ topic, partition, endOffset, finishedOffset }) => ({
      topic,
      partition,
      endOffset: BigInt(endOffset),
      finishedOffset: BigInt(finishedOffset),
    }));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#consumer?.abort();
    await Promise.allSettled([...this.#handlers, ...this.#appends]);
  }

  #partitionOf(record: LogRecord): SqlitePartition {
    const partition = this.#partitions.find(({ topic }) => topic === record.topic);
    assert(partition !== undefined, `topic ${record.topic} exists`);
    return partition;
  }

  async #runHandler(partition: SqlitePartition, signal: AbortSignal, onLease: (lease: PartitionLease) => Promise<void>): Promise<void> {
    while (!signal.aborted) {
      const lease = new SqliteLease(partition, signal, () => this.#prune());
      try {
        return await onLease(lease);
      } catch (error) {
        if (!signal.aborted) this.#options.onHandlerError?.(error, lease);
      }
      await sleep(RELEASE_DELAY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** A little at a time, after a range is finished. */
  #prune(): void {
    const nowMs = this.#options.clock.nowMs();
    if (this.#closed || nowMs < this.#prunedAtMs + PRUNE_EVERY_MS) return;
    this.#prunedAtMs = nowMs;
    const { database, retentionMs = DEFAULT_RETENTION_MS, retentionBytes = DEFAULT_RETENTION_BYTES } = this.#options;
    pruneRecords(database, { deleteBeforeMs: nowMs - retentionMs, maxBytes: retentionBytes }, () => !this.#closed).catch(() => {
      this.#prunedAtMs = 0;
    });
  }
}

class SqliteLease implements PartitionLease {
  readonly topic;
  readonly partition: number;
  readonly lost: AbortSignal;
  readonly unfinished: RangeClaim | null;
  readonly #source: SqlitePartition;
  readonly #onFinished: () => void;

  constructor(source: SqlitePartition, lost: AbortSignal, onFinished: () => void) {
    this.topic = source.topic;
    this.partition = source.partition;
    this.lost = lost;
    this.unfinished = source.unfinished;
    this.#source = source;
    this.#onFinished = onFinished;
  }

  get nextOffset(): bigint {
    return BigInt(this.#source.finishedOffset);
  }

  async read({ fromOffset, maxRecords, maxBytes, waitMs }: { fromOffset: bigint; maxRecords: number; maxBytes: number; waitMs: number }) {
    if (waitMs > 0 && !this.lost.aborted && BigInt(this.#source.endOffset) <= fromOffset) await this.#source.nextWake(waitMs, this.lost);
    return this.lost.aborted ? [] : this.#source.read(fromOffset, maxRecords, maxBytes);
  }

  async claim(range: RangeClaim): Promise<void> {
    const { unfinished } = this.#source;
    this.#assertHeld();
    assert(range.minOffset >= this.nextOffset && range.maxOffset >= range.minOffset, 'a claim lies ahead of what is finished');
    assert(range.maxOffset < BigInt(this.#source.endOffset), 'a claim covers records that exist');
    assert(unfinished === null || sameRange(unfinished, range), 'an unfinished claim is repeated before another is made');
    if (!(await this.#source.claim(range, () => !this.lost.aborted))) throw this.#lostError();
  }

  async finish(range: RangeClaim): Promise<void> {
    this.#assertHeld();
    if (!(await this.#source.finish(range, () => !this.lost.aborted))) throw this.#lostError();
    this.#onFinished();
  }

  #assertHeld(): void {
    if (this.lost.aborted) throw this.#lostError();
  }

  #lostError(): TrackingError {
    return new TrackingError('lease_lost', `another owner has ${this.topic}/${this.partition}`);
  }
}
