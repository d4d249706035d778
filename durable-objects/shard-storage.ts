import { assert } from '../core/errors.ts';
import { emptyOutbox } from '../core/flush/outbox.ts';
import type { HaltReason, OutboxState, RowRun, SealedFrame } from '../core/flush/outbox.ts';
import { DEFAULT_FLUSH_POLICY } from '../core/flush/policy.ts';
import type { FlushPolicy } from '../core/flush/policy.ts';
import type { EpochMs } from '../core/time.ts';
import { joinParts, partsOf } from './blob-parts.ts';
import { MetaTable } from './meta-table.ts';
import { SHARD_MIGRATIONS, migrate } from './migrations.ts';
import { FRAME_PARTS, LOG_PARTS } from './places.ts';
import { asBytes } from './sql-port.ts';
import type { SqlPort } from './sql-port.ts';

/** A shard's single values. */
export type ShardMeta = {
  /** The moment at which this storage was made. A reset shard's is higher, so a hub never takes its frames for old ones. */
  epoch: EpochMs;
  /** Whether a frame of this epoch may have reached a hub; absent in a storage of before it was noted: it may. */
  hasSent: boolean;
  policy: FlushPolicy;
  /** Every row up to here is in a frame. */
  sealedRow: number;
  sealedSeq: number;
  ackedSeq: number;
  halted: HaltReason | null;
  /** Every row up to here is in the cold pages; memory needs no replay of it. */
  checkpointRow: number;
};

/** One commit as it lies in the log. */
export type LoggedCommit = { readonly row: number; readonly events: number; readonly committedAtMs: EpochMs; readonly batchId: string; readonly bytes: Uint8Array };

/**
 * What a shard keeps on disk. Every method is one or more statements without an `await`: those called in one turn commit together.
 * Creates the tables, and the epoch, on first use.
 */
export class ShardStorage {
  readonly #sql: SqlPort;
  readonly meta: MetaTable<ShardMeta>;
  #epoch: EpochMs;

  constructor(sql: SqlPort, nowMs: EpochMs) {
    migrate(sql, SHARD_MIGRATIONS);
    this.#sql = sql;
    this.meta = new MetaTable(sql);
    const epoch = this.meta.get('epoch');
    this.#epoch = epoch ?? nowMs;
    if (epoch === undefined) this.#begin(nowMs);
  }

  get epoch(): EpochMs {
    return this.#epoch;
  }

  /** The policy of the last ack, or the default. */
  policy(): FlushPolicy {
    return this.meta.get('policy') ?? DEFAULT_FLUSH_POLICY;
  }

  appendCommit({ row, events, committedAtMs, batchId, bytes }: LoggedCommit): void {
    const parts = partsOf(bytes);
    assert(parts.length <= LOG_PARTS, 'a commit has a place for each of its parts');
    let place = row * LOG_PARTS;
    for (const part of parts) this.#sql.exec('INSERT INTO log (place, events, committed_at_ms, bytes, batch_id) VALUES (?, ?, ?, ?, ?)', place++, events, committedAtMs, part, batchId);
  }

  /** Commits after row `afterRow`, up to and with `lastRow`, in order. */
  *commits({ afterRow, lastRow }: { afterRow: number; lastRow: number }): Generator<LoggedCommit> {
    const rows = this.#sql.iterate<{ place: number; events: number; committed_at_ms: number; bytes: ArrayBuffer | Uint8Array; batch_id: string }>(
      'SELECT place, events, committed_at_ms, bytes, batch_id FROM log WHERE place >= ? AND place < ? ORDER BY place',
      (afterRow + 1) * LOG_PARTS,
      (lastRow + 1) * LOG_PARTS,
    );
    let parts: Uint8Array[] = [];
    let current: Omit<LoggedCommit, 'bytes'> | null = null;
    for (const { place, events, committed_at_ms, bytes, batch_id } of rows) {
      const row = rowAt(place);
      if (current !== null && current.row !== row) {
        yield { ...current, bytes: joinParts(parts) };
        parts = [];
      }
      current = { row, events, committedAtMs: committed_at_ms, batchId: batch_id };
      parts.push(asBytes(bytes));
    }
    if (current !== null) yield { ...current, bytes: joinParts(parts) };
  }

  /** The newest row there ever was, though it may be deleted by now; 0 for none. */
  lastRow(): number {
    const [newest] = this.#sql.exec<{ place: number | null }>('SELECT max(place) AS place FROM log');
    return Math.max(rowAt(newest?.place ?? 0), this.meta.get('sealedRow') ?? 0, this.meta.get('checkpointRow') ?? 0);
  }

  /** Stores a frame before it is sent for the first time. */
  sealFrame(frame: SealedFrame, bytes: Uint8Array): void {
    this.#writeFrame(frame, bytes);
    this.meta.set('sealedSeq', frame.seq);
    this.meta.set('sealedRow', frame.lastRow);
    this.#forgetCommits();
  }

  /** Begins a later epoch with the same frames; none of the present one is in any log. */
  startOver(epoch: EpochMs, frames: readonly { readonly frame: SealedFrame; readonly bytes: Uint8Array }[]): void {
    this.#sql.exec('DELETE FROM sealed');
    for (const { frame, bytes } of frames) this.#writeFrame(frame, bytes);
    this.#epoch = epoch;
    this.#begin(epoch);
  }

  #begin(epoch: EpochMs): void {
    this.meta.set('epoch', epoch);
    this.meta.set('hasSent', false);
  }

  #writeFrame(frame: SealedFrame, bytes: Uint8Array): void {
    const parts = partsOf(bytes);
    assert(parts.length <= FRAME_PARTS, 'a frame has a place for each of its parts');
    let place = frame.seq * FRAME_PARTS;
    for (const part of parts) this.#sql.exec('INSERT INTO sealed (place, first_row, last_row, events, bytes) VALUES (?, ?, ?, ?, ?)', place++, frame.firstRow, frame.lastRow, frame.events, part);
  }

  /** The bytes of a sealed frame, the same at every attempt. */
  frameBytes(seq: number): Uint8Array {
    const parts = this.#sql.exec<{ bytes: ArrayBuffer | Uint8Array }>('SELECT bytes FROM sealed WHERE place >= ? AND place < ? ORDER BY place', ...placesOf(seq));
    return joinParts(parts.map((part) => asBytes(part.bytes)));
  }

  /** The hub has this frame: only now may it go. */
  deleteFrame(seq: number): void {
    this.#sql.exec('DELETE FROM sealed WHERE place >= ? AND place < ?', ...placesOf(seq));
    this.meta.set('ackedSeq', seq);
  }

  /** Memory up to `row` is in the cold pages, written in this same transaction. */
  markCheckpoint(row: number): void {
    this.meta.set('checkpointRow', row);
    this.#forgetCommits();
  }

  /** The outbox as it stood, but for rows that are in no frame: the caller books those again. */
  outbox(): OutboxState {
    const sealed = this.#sealedFrames();
    const sealedSeq = this.meta.get('sealedSeq') ?? 0;
    const ackedSeq = this.meta.get('ackedSeq') ?? 0;
    assert(sealed.length === sealedSeq - ackedSeq, 'every frame is acknowledged or stored');
    return {
      ...emptyOutbox(this.epoch),
      nextRow: (this.meta.get('sealedRow') ?? 0) + 1,
      sealed,
      sealedBytes: sealed.reduce((sum, frame) => sum + frame.bytes, 0),
      sealedEvents: sealed.reduce((sum, frame) => sum + frame.events, 0),
      sealedSeq,
      ackedSeq,
      halted: this.meta.get('halted') ?? null,
    };
  }

  /** The number of the last batch that this spill queue handed over; 0 for none. */
  spillMark(queue: string): number {
    const [mark] = this.#sql.exec<{ last_seq: number }>('SELECT last_seq FROM spill_marks WHERE queue = ?', queue);
    return mark?.last_seq ?? 0;
  }

  setSpillMark(queue: string, seq: number): void {
    this.#sql.exec(
      'INSERT INTO spill_marks (queue, last_seq) VALUES (?, ?) ON CONFLICT (queue) DO UPDATE SET last_seq = excluded.last_seq',
      queue,
      seq,
    );
  }

  /** Rows and bytes of the log as it lies on disk, sealed rows that memory still needs included. */
  logSize(): { rows: number; bytes: number } {
    const [size] = this.#sql.exec<{ rows: number; bytes: number | null }>(`SELECT count(DISTINCT place / ${LOG_PARTS}) AS rows, sum(length(bytes)) AS bytes FROM log`);
    return { rows: size?.rows ?? 0, bytes: size?.bytes ?? 0 };
  }

  #sealedFrames(): SealedFrame[] {
    return this.#sql
      .exec<{ seq: number; first_row: number; last_row: number; events: number; bytes: number }>(
        `SELECT place / ${FRAME_PARTS} AS seq, first_row, last_row, events, sum(length(bytes)) AS bytes FROM sealed
         GROUP BY seq, first_row, last_row, events ORDER BY seq`,
      )
      .map((frame): SealedFrame & RowRun => ({
        seq: frame.seq,
        firstRow: frame.first_row,
        lastRow: frame.last_row,
        events: frame.events,
        bytes: frame.bytes,
      }));
  }

  /** A row has served when its frame holds its bytes and the cold pages its keys. */
  #forgetCommits(): void {
    const servedRow = Math.min(this.meta.get('sealedRow') ?? 0, this.meta.get('checkpointRow') ?? 0);
    this.#sql.exec('DELETE FROM log WHERE place < ?', (servedRow + 1) * LOG_PARTS);
  }
}

/** From the first place of a frame to the first of the next. */
function placesOf(seq: number): [from: number, to: number] {
  return [seq * FRAME_PARTS, (seq + 1) * FRAME_PARTS];
}

function rowAt(place: number): number {
  return Math.floor(place / LOG_PARTS);
}
