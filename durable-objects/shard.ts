import { CellTable } from '../core/cells/cell-table.ts';
import { TrackingError, assert } from '../core/errors.ts';
import { outboxBytes, pendingEvents } from '../core/flush/outbox.ts';
import type { HaltReason } from '../core/flush/outbox.ts';
import { judgeBatch, rememberBatch } from '../core/judgement/judge-batch.ts';
import type { Judgement } from '../core/judgement/judgement.ts';
import { keepAlive } from '../core/keep-alive.ts';
import { DEFAULT_MEMORY_LIMITS, ShardMemory } from '../core/memory/shard-memory.ts';
import type { MemoryLimits } from '../core/memory/shard-memory.ts';
import type { EpochMs } from '../core/time.ts';
import { decodeCommit, encodeCommit } from '../schemas/wire/commit.ts';
import { EventBatchReader } from '../schemas/wire/event-batch.ts';
import { batchKey } from './batch-key.ts';
import { ShardOutbox } from './shard-outbox.ts';
import type { ShardPlace } from './shard-place.ts';
import { ShardStorage } from './shard-storage.ts';
import { SqlColdStore } from './sql-cold-store.ts';
import type { SqlPort } from './sql-port.ts';

/**
 * Names a spilled batch for ever: its queue (one life of it) and its number there, which ascends; and, for as long as memory keeps it, by the
 * name that its edge gave it: the batch may have been recorded, or spilled, before.
 */
export type SpillTicket = { readonly queue: string; readonly seq: number; readonly batchId: string };

/** How a shard stands. */
export type ShardStatus = {
  readonly shard: string;
  readonly region: string;
  readonly epoch: EpochMs;
  /** Rows ever committed. */
  readonly rows: number;
  /** Frames ever sealed, and those of them that the hub has. */
  readonly sealedSeq: number;
  readonly ackedSeq: number;
  /** Committed and not acknowledged. */
  readonly pendingEvents: number;
  readonly outboxBytes: number;
  /** Log rows on disk, those included that only a recovery would read. */
  readonly logRows: number;
  readonly memoryEntries: number;
  readonly halted: HaltReason | null;
};

export type ShardOptions = {
  readonly sql: SqlPort;
  readonly place: ShardPlace;
  readonly nowMs: EpochMs;
  readonly memoryLimits?: MemoryLimits;
};

/** Stored beside a batch for each of its events, about: an estimate for the outbox's bound. */
const JUDGEMENT_BYTES = 8;
/**
 * Log that a recovery reads back, at most, beside what is new in memory: some 100 ms. Traffic that claims nothing (bots, retries) makes no
 * entries and would never come to a checkpoint by their number alone.
 */
const CHECKPOINT_LOG_BYTES = 16 * 1024 * 1024;

/**
 * A shard without its runtime: storage, memory, cells and outbox, and the order in which they change. Everything is synchronous; each
 * call is one transaction of the caller's. When a call throws, other than `open`, memory and storage may differ: throw the object away
 * with its turn, and make a new one, which reads back what is stored.
 */
export class Shard {
  readonly outbox: ShardOutbox;
  readonly #place: ShardPlace;
  readonly #storage: ShardStorage;
  readonly #memory: ShardMemory;
  /** Bytes of commits that memory has and no generation of the cold store. */
  #unsavedBytes = 0;

  /** Takes up where the last life ended: cold pages, then the log after the checkpoint; open rows are booked as they once were. */
  constructor({ sql, place, nowMs, memoryLimits = DEFAULT_MEMORY_LIMITS }: ShardOptions) {
    this.#place = place;
    this.#storage = new ShardStorage(sql, nowMs);
    this.#memory = new ShardMemory(new SqlColdStore(sql), memoryLimits);
    this.outbox = new ShardOutbox({ storage: this.#storage, place, cells: new CellTable({ region: place.region }) });
    this.#replay();
  }

  /** Reads a batch and finds room for it. Throws `corrupt_bytes` or `overloaded`; then nothing has changed. */
  open(bytes: Uint8Array): EventBatchReader {
    const batch = new EventBatchReader(bytes);
    if (!this.outbox.admits(bytes.byteLength + batch.eventCount * JUDGEMENT_BYTES)) {
      throw new TrackingError('overloaded', `shard ${this.#place.shard} holds all it may until its hub answers`);
    }
    return batch;
  }

  /** Whether a batch that its edge gave this name was recorded, whichever way it came; never of one without a name. */
  hasRecorded(batchId: string): boolean {
    return batchId !== '' && this.#memory.hasRecorded(batchKey(batchId));
  }

  /** Judges, stores and books a batch: one disposition code an event, in order. */
  record(batch: EventBatchReader, nowMs: EpochMs, batchId = ''): Uint8Array {
    this.#checkpointBeforeLeap(batch, nowMs);
    const { judgements, attributions } = judgeBatch(keepAlive('batch', batch), this.#memory);
    const commit = { committedAtMs: nowMs, batch, judgements, attributions };
    const bytes = encodeCommit(commit);
    this.outbox.append(commit, bytes, batchId);
    if (batchId !== '') this.#memory.rememberRecorded(batchKey(batchId), nowMs);
    this.#unsavedBytes += bytes.length;
    this.#checkpointIfDue(nowMs);
    return dispositionsOf(judgements);
  }

  /** Whether this ticket's batch, or a later one of its queue, was recorded. A queue hands over in order, one at a time. */
  hasTaken(ticket: SpillTicket): boolean {
    return ticket.seq <= this.#storage.spillMark(ticket.queue) || this.hasRecorded(ticket.batchId);
  }

  /** `record`, and the ticket is taken in the same transaction. */
  recordOnce(ticket: SpillTicket, batch: EventBatchReader, nowMs: EpochMs): void {
    assert(Number.isSafeInteger(ticket.seq) && !this.hasTaken(ticket), 'a ticket is taken once');
    this.record(batch, nowMs, ticket.batchId);
    this.#storage.setSpillMark(ticket.queue, ticket.seq);
  }

  status(): ShardStatus {
    const { state } = this.outbox;
    return {
      shard: this.#place.shard,
      region: this.#place.region,
      epoch: state.epoch,
      rows: state.nextRow - 1,
      sealedSeq: state.sealedSeq,
      ackedSeq: state.ackedSeq,
      pendingEvents: pendingEvents(state),
      outboxBytes: outboxBytes(state),
      logRows: this.#storage.logSize().rows,
      memoryEntries: this.#memory.residentEntries,
      halted: state.halted,
    };
  }

  /** Writes memory's news to the cold store when there is enough of it, and forgets what cannot matter any more: with the commit that made it enough, or the next would be longer. */
  #checkpointIfDue(nowMs: EpochMs): void {
    if (this.#memory.shouldCheckpoint || this.#unsavedBytes >= CHECKPOINT_LOG_BYTES) this.#checkpoint(nowMs);
  }

  /** Imported history comes in leaps. */
  #checkpointBeforeLeap(batch: EventBatchReader, nowMs: EpochMs): void {
    let latestMs = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < batch.eventCount; i++) latestMs = Math.max(latestMs, batch.receivedAtMs(i));
    if (this.#memory.isLeap(latestMs)) this.#checkpoint(nowMs, latestMs);
  }

  #checkpoint(nowMs: EpochMs, aheadToMs?: EpochMs): void {
    this.#memory.checkpoint(nowMs, aheadToMs);
    this.#memory.forget(nowMs);
    this.#storage.markCheckpoint(this.outbox.nextRow - 1);
    this.#unsavedBytes = 0;
  }

  #replay(): void {
    const checkpointRow = this.#storage.meta.get('checkpointRow') ?? 0;
    const sealedRow = this.outbox.nextRow - 1;
    const lastRow = this.#storage.lastRow();
    for (const logged of this.#storage.commits({ afterRow: Math.min(checkpointRow, sealedRow), lastRow })) {
      const commit = decodeCommit(logged.bytes);
      if (logged.row > checkpointRow) {
        rememberBatch(commit.batch, commit, this.#memory);
        if (logged.batchId !== '') this.#memory.rememberRecorded(batchKey(logged.batchId), logged.committedAtMs);
        this.#unsavedBytes += logged.bytes.length;
      }
      if (logged.row > sealedRow) this.outbox.book(commit, logged);
    }
    assert(this.outbox.nextRow === lastRow + 1, 'every row that was committed is in the log or in a frame');
  }
}

function dispositionsOf(judgements: readonly Judgement[]): Uint8Array {
  const codes = new Uint8Array(judgements.length);
  for (let i = 0; i < codes.length; i++) codes[i] = judgements[i]!.disposition;
  return codes;
}
