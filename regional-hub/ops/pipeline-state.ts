import type { Clock, EpochMs } from '../../core/time.ts';
import { decodeDeltasRecord } from '../../schemas/wire/log-record.ts';
import { TOPICS, type DeltaLog, type LogRecord, type PartitionLag } from '../log/delta-log.ts';

/** What a shard's latest frame said. */
export type ShardReport = {
  readonly shard: string;
  readonly region: string;
  readonly epoch: number;
  readonly seq: number;
  /** Events that it had committed and not sent yet. */
  readonly pendingEvents: number;
  readonly heardAtMs: EpochMs;
};

/** A shard that the sink no longer follows, because a frame is missing or contradicts another. */
export type HaltedShard = { readonly shard: string; readonly epoch: number; readonly seq: number; readonly why: string; readonly haltedAtMs: EpochMs };

/** Shards that are kept in view; past that the one not heard of for longest is forgotten, and with it only what it reported. */
const SHARDS_MAX = 100_000;
const HALTED_MAX = 1_000;
/** A report of pending events older than this is history: a shard that holds events sends frames. */
const REPORT_STALE_MS = 60_000;

/** How the pipeline is doing, as far as this hub can tell: told by intake and sink, read by operators. */
export class PipelineState {
  readonly #log: Pick<DeltaLog, 'lag'>;
  readonly #clock: Clock;
  readonly #shards = new Map<string, ShardReport>();
  readonly #halted = new Map<string, HaltedShard>();
  #waitingSinceMs: EpochMs | null = null;

  constructor(log: Pick<DeltaLog, 'lag'>, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** Records went into the log. */
  appended(records: readonly LogRecord[]): void {
    const nowMs = this.#clock.nowMs();
    this.#waitingSinceMs ??= nowMs;
    for (const record of records) if (record.topic === TOPICS.deltas) this.#hear(record.value, nowMs);
  }

  /** A range reached the store. */
  stored(): void {
    this.#waitingSinceMs = null;
  }

  /** The sink refuses a shard's frame, and all that follow. */
  halted(frame: { readonly shard: string; readonly epoch: number; readonly seq: number; readonly verdict: string }): void {
    const { shard, epoch, seq, verdict } = frame;
    if (this.#halted.size < HALTED_MAX) this.#halted.set(shard, { shard, epoch, seq, why: verdict, haltedAtMs: this.#clock.nowMs() });
  }

  /** Events that shards hold, by their latest frames. */
  pendingEvents(): number {
    const freshMs = this.#clock.nowMs() - REPORT_STALE_MS;
    return [...this.#shards.values()].reduce((sum, report) => sum + (report.heardAtMs >= freshMs ? report.pendingEvents : 0), 0);
  }

  /** Records that are in the log and not yet in the store. */
  async waitingRecords(): Promise<number> {
    return (await this.#log.lag()).reduce((sum, partition) => sum + lagOf(partition), 0);
  }

  /** How long the store has been behind the log; 0 when nothing waits. */
  async lagSeconds(): Promise<number> {
    if ((await this.waitingRecords()) === 0) {
      this.#waitingSinceMs = null;
      return 0;
    }
    const nowMs = this.#clock.nowMs();
    this.#waitingSinceMs ??= nowMs;
    return (nowMs - this.#waitingSinceMs) / 1_000;
  }

  /** Everything, as `GET /v1/ops/pipeline` shows it. */
  async report() {
    const partitions = await this.#log.lag();
    return {
      lagSeconds: await this.lagSeconds(),
      partitions: partitions.map((partition) => ({ topic: partition.topic, partition: partition.partition, endOffset: Number(partition.endOffset), finishedOffset: Number(partition.finishedOffset), waitingRecords: lagOf(partition) })),
      shards: [...this.#shards.values()].toSorted((a, b) => (a.shard < b.shard ? -1 : 1)),
      haltedShards: [...this.#halted.values()],
    };
  }

  #hear(value: Uint8Array, heardAtMs: EpochMs): void {
    const { shard, region, epoch, seq, pendingEvents } = decodeDeltasRecord(value).header;
    this.#shards.delete(shard);
    this.#shards.set(shard, { shard, region, epoch, seq, pendingEvents, heardAtMs });
    if (this.#shards.size <= SHARDS_MAX) return;
    const oldest = this.#shards.keys().next().value;
    if (oldest !== undefined) this.#shards.delete(oldest);
  }
}

/** The same log, telling `state` of what is appended. */
export function observedLog(log: DeltaLog, state: PipelineState): DeltaLog {
  return {
    async appendBatch(records) {
      await log.appendBatch(records);
      state.appended(records);
    },
    ensureTopics: () => log.ensureTopics(),
    consume: (onLease) => log.consume(onLease),
    lag: () => log.lag(),
    close: () => log.close(),
  };
}

function lagOf({ endOffset, finishedOffset }: PartitionLag): number {
  return Math.max(0, Number(endOffset - finishedOffset));
}
