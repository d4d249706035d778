import type { CellTable } from '../core/cells/cell-table.ts';
import { assert } from '../core/errors.ts';
import {
  admits,
  mustCutBefore,
  onAck,
  onCommit,
  onCut,
  onHalt,
  onLaterEpoch,
  onResume,
  onSealed,
  onSendFailure,
  planFlush,
  unsealedEvents,
} from '../core/flush/outbox.ts';
import type { FlushPlan, HaltReason, OutboxState, RowRun } from '../core/flush/outbox.ts';
import type { FlushPolicy } from '../core/flush/policy.ts';
import type { EpochMs } from '../core/time.ts';
import type { FlushAck } from '../schemas/wire/ack.ts';
import type { Commit } from '../schemas/wire/commit.ts';
import { encodeCellSection } from '../schemas/wire/delta-section.ts';
import { decodeFrame, encodeFrame } from '../schemas/wire/frame.ts';
import type { FrameHeader } from '../schemas/wire/frame.ts';
import { RawSectionWriter } from '../schemas/wire/raw-section.ts';
import { packSection } from './pack-section.ts';
import type { ShardPlace } from './shard-place.ts';
import type { LoggedCommit, ShardStorage } from './shard-storage.ts';

/** Memory for frames on their way: several of the largest, a small part of what an object may have. */
const KEPT_BYTES = 8 * 1024 * 1024;

/** A frame before it is packed. */
export type FrameDraft = {
  readonly run: RowRun;
  readonly header: FrameHeader;
  readonly deltas: Uint8Array;
  readonly raw: Uint8Array;
};

/** A cut run, encoded: its cells take a tenth of what the rows do as objects. */
type EncodedRun = { readonly deltas: Uint8Array; readonly raw: Uint8Array; readonly deltaRows: number; readonly ledgerRows: number };

/**
 * The committed rows of one shard on their way to the hub: the live cells of open rows, the state machine of `core/flush`, and the storage
 * that both are rebuilt from. Every method is synchronous, so each is one transaction with whatever the caller does beside it.
 */
export class ShardOutbox {
  readonly #storage: ShardStorage;
  readonly #place: ShardPlace;
  readonly #cells: CellTable;
  /** The commits of the open run, gathered as they are booked: a frame reads none of them back from the log. */
  readonly #commits = new RawSectionWriter();
  /** By first row. */
  readonly #encoded = new Map<number, EncodedRun>();
  /** Frames that were sealed and not sent in vain, by number, as many as `KEPT_BYTES` allow: they are not read back either. */
  readonly #kept = new Map<number, Uint8Array>();
  #keptBytes = 0;
  #state: OutboxState;
  #policy: FlushPolicy;

  constructor(options: { storage: ShardStorage; place: ShardPlace; cells: CellTable }) {
    this.#storage = options.storage;
    this.#place = options.place;
    this.#cells = options.cells;
    this.#state = options.storage.outbox();
    this.#policy = options.storage.policy();
  }

  get state(): OutboxState {
    return this.#state;
  }

  get policy(): FlushPolicy {
    return this.#policy;
  }

  /** The number that the next commit gets. */
  get nextRow(): number {
    return this.#state.nextRow;
  }

  plan(nowMs: EpochMs): FlushPlan {
    return planFlush(this.#state, this.#policy, nowMs);
  }

  /** Whether a commit of about `bytes` has room. */
  admits(bytes: number): boolean {
    return admits(this.#state, this.#policy, bytes);
  }

  /** Stores a new commit and books it. What had to be cut for it is sealed at once: cut runs would gather while a frame is on its way to a hub far off. */
  append(commit: Commit, bytes: Uint8Array, batchId = ''): void {
    const logged = { row: this.#state.nextRow, events: commit.batch.eventCount, committedAtMs: commit.committedAtMs, batchId, bytes };
    this.#storage.appendCommit(logged);
    this.book(commit, logged);
    while (this.#state.cut.length > 0) this.seal(this.draftFrame(commit.committedAtMs));
  }

  /** Books a commit that is in the log: after `append`, and again when a shard wakes up. One function, so both give the same cells. */
  book(commit: Commit, logged: LoggedCommit): void {
    assert(logged.row === this.#state.nextRow, 'rows are booked in order');
    if (mustCutBefore(this.#state, logged.bytes.length)) this.#cut();
    this.#cells.bookCommit(commit);
    this.#commits.add(logged);
    this.#state = onCommit(this.#state, {
      events: logged.events,
      bytes: logged.bytes.length,
      cells: this.#cells.rowCount,
      nowMs: logged.committedAtMs,
    });
  }

  /** The sections of the next frame; to be sealed in the same turn. */
  draftFrame(nowMs: EpochMs): FrameDraft {
    if (this.#state.cut.length === 0) this.#cut();
    const [run] = this.#state.cut;
    const encoded = this.#encoded.get(run?.firstRow ?? 0);
    assert(run !== undefined && encoded !== undefined, 'a cut run has its sections');
    return { run, deltas: encoded.deltas, raw: encoded.raw, header: this.#header(run, encoded, nowMs) };
  }

  /** Packs the frame and stores it; from now on these bytes are what the hub gets. */
  seal({ run, header, deltas, raw }: FrameDraft): void {
    assert(this.#state.cut[0] === run, 'runs are sealed in order');
    const frame = encodeFrame({ header, deltas: packSection(deltas), raw: packSection(raw) });
    this.#state = onSealed(this.#state, frame.length);
    const sealed = this.#state.sealed.at(-1);
    assert(sealed !== undefined, 'the frame is the newest');
    this.#storage.sealFrame(sealed, frame);
    this.#keep(sealed.seq, frame);
    this.#encoded.delete(run.firstRow);
  }

  /** The stored bytes of the frame to send. */
  frameInFlight(): Uint8Array {
    const [frame] = this.#state.sealed;
    assert(frame !== undefined, 'a sealed frame is there to be sent');
    const bytes = this.#kept.get(frame.seq) ?? this.#storage.frameBytes(frame.seq);
    assert(bytes.length === frame.bytes, 'a frame keeps its bytes');
    return bytes;
  }

  /** Notes, before the first frame of an epoch leaves, that a log may have it; true when none had left before. */
  beginSend(): boolean {
    if (this.#state.ackedSeq > 0 || this.#storage.meta.get('hasSent') !== false) return false;
    this.#storage.meta.set('hasSent', true);
    return true;
  }

  /** Seals every frame anew under an epoch later than the one that the hub knows. Only while no log can have a frame of ours. */
  startOver(knownEpoch: EpochMs): void {
    const epoch = knownEpoch + 1;
    const frames = this.#state.sealed.map((frame) => {
      const sealed = decodeFrame(this.#storage.frameBytes(frame.seq));
      return { frame, bytes: encodeFrame({ ...sealed, header: { ...sealed.header, epoch } }) };
    });
    this.#state = onLaterEpoch(this.#state, epoch, frames.map(({ bytes }) => bytes.length));
    this.#storage.startOver(epoch, frames);
    this.#letGo();
  }

  /** Forgets the frame that the hub has, and adopts its policy. False, and nothing changes, for an ack that is not ours. */
  acknowledge(ack: FlushAck): boolean {
    const [inFlight] = this.#state.sealed;
    if (ack.epoch !== this.#state.epoch || ack.ackedSeq !== inFlight?.seq) return false;
    this.#state = onAck(this.#state, ack);
    this.#keptBytes -= this.#kept.get(ack.ackedSeq)?.length ?? 0;
    this.#kept.delete(ack.ackedSeq);
    this.#storage.deleteFrame(ack.ackedSeq);
    if (JSON.stringify(ack.policy) !== JSON.stringify(this.#policy)) {
      this.#policy = ack.policy;
      this.#storage.meta.set('policy', ack.policy);
    }
    return true;
  }

  fail(failure: { nowMs: EpochMs; jitter: number }): void {
    this.#letGo();
    this.#state = onSendFailure(this.#state, failure);
  }

  /** Stops sending for good, or until `resume`. */
  halt(reason: HaltReason): void {
    this.#state = onHalt(this.#state, reason);
    this.#storage.meta.set('halted', reason);
  }

  resume(): void {
    this.#state = onResume(this.#state);
    this.#storage.meta.set('halted', null);
  }

  #keep(seq: number, frame: Uint8Array): void {
    if (this.#keptBytes + frame.length > KEPT_BYTES) return;
    this.#kept.set(seq, frame);
    this.#keptBytes += frame.length;
  }

  #letGo(): void {
    this.#kept.clear();
    this.#keptBytes = 0;
  }

  #cut(): void {
    const { open } = this.#state;
    assert(open !== null, 'only open rows can be cut');
    assert(this.#commits.count === open.lastRow - open.firstRow + 1, 'every row of the run is in its section');
    const drained = this.#cells.drain();
    this.#encoded.set(open.firstRow, {
      deltas: encodeCellSection(drained),
      raw: this.#commits.finish(),
      deltaRows: drained.cells.rowCount,
      ledgerRows: drained.ledger.length,
    });
    this.#state = onCut(this.#state);
  }

  #header(run: RowRun, encoded: EncodedRun, nowMs: EpochMs): FrameHeader {
    return {
      ...this.#place,
      epoch: this.#state.epoch,
      seq: this.#state.sealedSeq + 1,
      firstRow: run.firstRow,
      lastRow: run.lastRow,
      deltaRows: encoded.deltaRows,
      ledgerRows: encoded.ledgerRows,
      rawEvents: run.events,
      pendingEvents: unsealedEvents(this.#state) - run.events,
      createdAtMs: nowMs,
      deltaBytes: encoded.deltas.length,
      rawBytes: encoded.raw.length,
    };
  }
}
