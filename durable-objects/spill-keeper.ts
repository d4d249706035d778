import { TrackingError, unreachable } from '../core/errors.ts';
import { onForwardFailure, planForward } from '../core/flush/forwarding.ts';
import type { Destination } from '../core/flush/forwarding.ts';
import type { EpochMs } from '../core/time.ts';
import { EventBatchReader } from '../schemas/wire/event-batch.ts';
import { batchKey } from './batch-key.ts';
import type { SpillTicket } from './shard.ts';
import { shardPlace } from './shard-place.ts';
import { SpillStorage } from './spill-storage.ts';
import type { SpilledBatch } from './spill-storage.ts';
import type { SqlPort } from './sql-port.ts';

/** What a keeper needs of its runtime. */
export type SpillHost = {
  readonly sql: SqlPort;
  /** The object's id: no other queue has it. */
  readonly id: string;
  readonly nowMs: () => EpochMs;
  /** A fraction in [0, 1). */
  readonly random: () => number;
  /** Replaces whatever alarm is set. */
  setAlarm(atMs: EpochMs): void;
  /** Hands a batch over, by a stub of its own: after an exception a stub may be broken. */
  recordOnce(shard: string, ticket: SpillTicket, batch: Uint8Array): PromiseLike<void>;
  /** Whatever `call` comes to, or 'late' when it takes longer. */
  within<Result>(limitMs: number, call: Promise<Result>): Promise<Result | 'late'>;
  log(message: string, cause?: unknown): void;
};

/** How a spill queue stands: for operators and tests. */
export type SpillStatus = {
  readonly batches: number;
  readonly bytes: number;
  /** Batches that their shard will never take; they are kept and need an operator. */
  readonly refused: number;
  readonly shards: number;
  readonly oldestHeldAtMs: number | null;
};

/** An hour of a busy region without its shards. At the bound `hold` refuses (`overloaded`): the edge keeps the batch or says so. */
const MAX_SPILL_BYTES = 512 * 1024 * 1024;
const MAX_SPILL_BATCHES = 100_000;
/** Whatever kept the shard from answering gets a moment to pass. */
const FIRST_ATTEMPT_MS = 200;
/** A shard that has not answered within this will not; what it did all the same, `recordOnce` remembers. */
const CALL_TIMEOUT_MS = 10_000;
/** One alarm works about this long, then yields to whatever else waits. */
const ALARM_BUDGET_MS = 20_000;

/**
 * Holds batches whose shard could not be reached and hands them over in order, each exactly once: a batch travels with its queue's name and
 * its number, and the shard remembers the last number of each queue in the same transaction as the batch itself. What its edge calls the batch travels along: the
 * shard may have it already, or another copy of it may be held here. Without the runtime.
 */
export class SpillKeeper {
  readonly #host: SpillHost;
  readonly #storage: SpillStorage;
  readonly #destinations = new Map<string, Destination>();
  #size: { batches: number; bytes: number };
  #forwarding = false;

  constructor(host: SpillHost) {
    this.#host = host;
    this.#storage = new SpillStorage(host.sql, host.nowMs());
    this.#size = this.#storage.size();
    for (const name of this.#storage.shards()) this.#await(name, host.nowMs());
    this.#arm();
  }

  /** See `SpillQueue.hold`. */
  hold(shardName: string, batch: Uint8Array, batchId: string): void {
    const { shard } = shardPlace(shardName);
    if (batchId !== '') batchKey(batchId);
    const events = new EventBatchReader(batch).eventCount;
    if (this.#size.batches >= MAX_SPILL_BATCHES || this.#size.bytes + batch.byteLength > MAX_SPILL_BYTES) {
      throw new TrackingError('overloaded', 'the spill queue is full');
    }
    const nowMs = this.#host.nowMs();
    this.#storage.append({ shard, events, batchId, bytes: batch, heldAtMs: nowMs });
    this.#size = { batches: this.#size.batches + 1, bytes: this.#size.bytes + batch.byteLength };
    this.#await(shard, nowMs + FIRST_ATTEMPT_MS);
    if (!this.#forwarding) this.#arm();
  }

  /** How it stands. */
  status(): SpillStatus {
    return {
      ...this.#size,
      refused: this.#storage.refusedCount(),
      shards: this.#destinations.size,
      oldestHeldAtMs: this.#storage.oldestHeldAtMs(),
    };
  }

  /** Hands over what is due. Never throws: an alarm that throws too often is not called again. */
  async alarm(): Promise<void> {
    if (this.#forwarding) return;
    this.#forwarding = true;
    try {
      await this.#forwardDue(this.#host.nowMs() + ALARM_BUDGET_MS);
    } catch (cause) {
      this.#host.log('handing over failed', cause);
    } finally {
      this.#forwarding = false;
      this.#arm();
    }
  }

  async #forwardDue(deadlineMs: number): Promise<void> {
    while (this.#host.nowMs() < deadlineMs) {
      const plan = planForward([...this.#destinations.values()], this.#host.nowMs());
      if (plan.kind !== 'forward') return;
      await Promise.all(plan.names.map((name) => this.#forwardNext(name)));
    }
  }

  /** One batch of one shard; its line waits behind it. */
  async #forwardNext(name: string): Promise<void> {
    const batch = this.#storage.first(name);
    if (batch === undefined) {
      this.#destinations.delete(name);
      return;
    }
    const outcome = await this.#handOver(batch);
    switch (outcome) {
      case 'taken':
        this.#storage.delete(batch);
        this.#size = { batches: this.#size.batches - 1, bytes: this.#size.bytes - batch.bytes.byteLength };
        this.#destinations.set(name, { name, attempts: 0, retryAtMs: this.#host.nowMs() });
        return;
      case 'refused':
        this.#host.log(`${name} refuses batch ${batch.seq} for good`);
        this.#storage.refuse(batch, 'corrupt_bytes');
        return;
      case 'failed':
        this.#fail(name);
        return;
      default:
        unreachable(outcome);
    }
  }

  async #handOver(batch: SpilledBatch): Promise<'taken' | 'refused' | 'failed'> {
    const ticket = { queue: `${this.#host.id}.${this.#storage.epoch}`, seq: batch.seq, batchId: batch.batchId };
    const call = Promise.resolve(this.#host.recordOnce(batch.shard, ticket, batch.bytes)).then(() => 'taken' as const, refusalOf);
    const outcome = await this.#host.within(CALL_TIMEOUT_MS, call);
    return outcome === 'late' ? 'failed' : outcome;
  }

  #fail(name: string): void {
    const known = this.#destinations.get(name) ?? { name, attempts: 0, retryAtMs: 0 };
    this.#destinations.set(name, onForwardFailure(known, { nowMs: this.#host.nowMs(), jitter: this.#host.random() }));
  }

  #await(name: string, retryAtMs: number): void {
    if (!this.#destinations.has(name)) this.#destinations.set(name, { name, attempts: 0, retryAtMs });
  }

  #arm(): void {
    const plan = planForward([...this.#destinations.values()], this.#host.nowMs());
    if (plan.kind === 'idle') return;
    this.#host.setAlarm(plan.kind === 'sleep' ? plan.wakeAtMs : this.#host.nowMs());
  }
}

/** Errors keep their `code` on their way out of a durable object. */
function refusalOf(cause: unknown): 'refused' | 'failed' {
  return (cause as { code?: unknown } | null)?.code === 'corrupt_bytes' ? 'refused' : 'failed';
}
