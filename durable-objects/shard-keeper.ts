import { backoffMs } from '../core/flush/backoff.ts';
import type { MemoryLimits } from '../core/memory/shard-memory.ts';
import type { EpochMs } from '../core/time.ts';
import { Flusher } from './flusher.ts';
import type { HubClient } from './hub-client.ts';
import { Shard } from './shard.ts';
import type { ShardStatus, SpillTicket } from './shard.ts';
import type { ShardPlace } from './shard-place.ts';
import type { SqlPort } from './sql-port.ts';

/** What a shard says of itself. */
export type AdShardStatus = ShardStatus & { readonly lastFailure: string | null };

/** What a keeper needs of its runtime. */
export type ShardHost = {
  readonly sql: SqlPort;
  readonly place: ShardPlace;
  readonly hub: HubClient;
  readonly nowMs: () => EpochMs;
  /** A fraction in [0, 1). */
  readonly random: () => number;
  readonly memoryLimits?: MemoryLimits;
  /** Replaces whatever alarm is set. */
  setAlarm(atMs: EpochMs): void;
  /** Throws the object and the turn at hand away; the next call finds a new one, made from what is stored. */
  abort(what: string, cause: unknown): void;
  log(message: string, cause: unknown): void;
};

/** To an edge that gave its batch up, spilled it, and now hears from it late: it confirms nothing. */
const NO_ANSWER = new Uint8Array(0);
/** One alarm works about this long, then the object's other work gets a turn. */
const ALARM_BUDGET_MS = 20_000;
/** An alarm that is so late was lost with its retries: the next call sets another. */
const ALARM_OVERDUE_MS = 60_000;

/**
 * A shard's life in a durable object, without the runtime: the rules are in `core`, the storage and the order of things in `Shard`, sending in
 * `Flusher`; here are gates, alarms and failures.
 *
 * - `record` reads, judges, stores and books in one synchronous turn: one transaction. The reply leaves when it is durable.
 * - Whatever fails after memory was touched aborts the object: nothing of the turn is stored, and memory is rebuilt from storage.
 * - The alarm flushes. It is armed as long as anything is left to do, and again by the constructor, should an alarm get lost.
 */
export class ShardKeeper {
  readonly #host: ShardHost;
  readonly #shard: Shard;
  readonly #flusher: Flusher;
  /** The flush that runs. */
  #flushing: Promise<void> | null = null;
  /** When the alarm is set to go off; null while none is. */
  #alarmAtMs: EpochMs | null = null;
  /** Flushes in a row that broke an assertion. */
  #troubles = 0;
  #lastTrouble: string | null = null;

  constructor(host: ShardHost) {
    this.#host = host;
    this.#shard = new Shard({ ...host, nowMs: host.nowMs() });
    this.#flusher = new Flusher({ ...host, outbox: this.#shard.outbox });
    this.#arm();
  }

  /** See `AdShard.record`. */
  record(batch: Uint8Array, batchId = ''): Uint8Array {
    if (this.#shard.hasRecorded(batchId)) return NO_ANSWER;
    const opened = this.#shard.open(batch);
    return this.#commit(() => this.#shard.record(opened, this.#host.nowMs(), batchId));
  }

  /** See `AdShard.recordOnce`. */
  recordOnce(ticket: SpillTicket, batch: Uint8Array): void {
    if (this.#shard.hasTaken(ticket)) return;
    const opened = this.#shard.open(batch);
    this.#commit(() => this.#shard.recordOnce(ticket, opened, this.#host.nowMs()));
  }

  status(): AdShardStatus {
    return { ...this.#shard.status(), lastFailure: this.#lastTrouble ?? this.#flusher.lastFailure };
  }

  resume(): void {
    this.#shard.outbox.resume();
    this.#arm();
  }

  /**
   * Flushes what is due. Never throws: an alarm that throws too often is not called again. One that rings while a flush runs ends with that flush:
   * an alarm that is done is not rung again, should the object die before the flush could arm the next.
   */
  alarm(): Promise<void> {
    this.#flushing ??= this.#flush();
    return this.#flushing;
  }

  async #flush(): Promise<void> {
    this.#alarmAtMs = null;
    try {
      await this.#flusher.run(ALARM_BUDGET_MS);
      this.#troubles = 0;
      this.#lastTrouble = null;
    } catch (cause) {
      this.#troubles += 1;
      this.#lastTrouble = String(cause);
      this.#host.log('flush failed', cause);
    } finally {
      this.#flushing = null;
      this.#arm();
    }
  }

  #commit<Result>(work: () => Result): Result {
    try {
      const result = work();
      this.#arm();
      return result;
    } catch (cause) {
      this.#host.abort('a commit failed', cause);
      throw cause;
    }
  }

  /** Sets the alarm for what is to be done next. A flush that runs arms when it ends. */
  #arm(): void {
    if (this.#flushing !== null) return;
    const nowMs = this.#host.nowMs();
    const plan = this.#shard.outbox.plan(nowMs);
    if (plan.kind === 'idle') return;
    const planAtMs = plan.kind === 'sleep' ? plan.wakeAtMs : nowMs;
    const wakeAtMs = this.#troubles === 0 ? planAtMs : Math.max(planAtMs, nowMs + backoffMs(this.#troubles, this.#host.random()));
    const isLost = this.#alarmAtMs !== null && nowMs - this.#alarmAtMs > ALARM_OVERDUE_MS;
    if (this.#alarmAtMs !== null && this.#alarmAtMs <= wakeAtMs && !isLost) return;
    this.#alarmAtMs = wakeAtMs;
    this.#host.setAlarm(wakeAtMs);
  }
}
