import { assert } from '../errors.ts';
import type { EpochMs } from '../time.ts';
import { backoffMs } from './backoff.ts';
import type { FlushPolicy } from './policy.ts';

/**
 * A run of committed rows. `open` rows still take part in the live cells; a `cut` run has had its cells drained and waits to be
 * sealed. Rows are numbered from 1 without gaps.
 */
export type RowRun = {
  readonly firstRow: number;
  readonly lastRow: number;
  readonly events: number;
  readonly bytes: number;
};

/** A frame whose bytes are stored for good; it is sent, byte for byte, until it is acknowledged. */
export type SealedFrame = RowRun & { readonly seq: number };

/** Why a shard stopped sending: its hub knows the same frame with other bytes, or a later life of this shard. */
export type HaltReason = 'frame_conflict' | 'stale_epoch';

/**
 * What a shard still owes its hub:
 *
 * ```
 *  rows   1 ……… 40 │ 41 ………… 90 │ 91 … 120 │ 121 … 130
 *         acked    │ sealed      │ cut      │ open ◄── commits
 *  frames          │ seq 7, 8    │ 9 next   │
 *                    ▲ only the first is ever in flight
 * ```
 *
 * Frames are numbered from 1 without gaps and belong to one `epoch`, the moment at which the shard's storage was made.
 */
export type OutboxState = {
  readonly epoch: EpochMs;
  readonly nextRow: number;
  readonly open: (RowRun & { readonly cells: number; readonly sinceMs: EpochMs }) | null;
  readonly cut: readonly RowRun[];
  readonly sealed: readonly SealedFrame[];
  /** Sums over `sealed`, which is long after hours without a hub. */
  readonly sealedBytes: number;
  readonly sealedEvents: number;
  readonly sealedSeq: number;
  readonly ackedSeq: number;
  /** Failed attempts in a row at the first sealed frame. */
  readonly attempts: number;
  readonly retryAtMs: EpochMs;
  readonly halted: HaltReason | null;
};

/** The next thing to do for a shard's outbox. */
export type FlushPlan =
  | { readonly kind: 'idle' }
  | { readonly kind: 'sleep'; readonly wakeAtMs: EpochMs }
  | { readonly kind: 'seal'; readonly firstRow: number; readonly lastRow: number }
  | { readonly kind: 'send'; readonly seq: number };

/**
 * Bytes of commits in one frame, whatever the policy says: with one more batch of 1 MiB and cells as wide as its events, a frame
 * stays under the 8 MiB that a hub accepts. At the bound the run is cut and the next frame begun.
 */
export const MAX_RUN_BYTES = 2 * 1024 * 1024;
/** Cut runs hold their encoded cells and commits in memory until they are sealed. At the bound the shard refuses (`overloaded`). */
export const MAX_CUT_RUNS = 8;

/** An outbox that has never held anything. */
export function emptyOutbox(epoch: EpochMs): OutboxState {
  assert(Number.isSafeInteger(epoch) && epoch > 0, 'an epoch is a moment');
  return {
    epoch,
    nextRow: 1,
    open: null,
    cut: [],
    sealed: [],
    sealedBytes: 0,
    sealedEvents: 0,
    sealedSeq: 0,
    ackedSeq: 0,
    attempts: 0,
    retryAtMs: 0,
    halted: null,
  };
}

/** Bytes that this shard would lose if its storage vanished: all that is committed and not acknowledged. */
export function outboxBytes(state: OutboxState): number {
  return (state.open?.bytes ?? 0) + sum(state.cut, 'bytes') + state.sealedBytes;
}

/** Events that are committed and in no frame yet. */
export function unsealedEvents(state: OutboxState): number {
  return (state.open?.events ?? 0) + sum(state.cut, 'events');
}

/** Events that are committed and not acknowledged. */
export function pendingEvents(state: OutboxState): number {
  return unsealedEvents(state) + state.sealedEvents;
}

/** Whether `bytes` more may be committed. False means *refuse now*: the sender is told, so nothing is lost. */
export function admits(state: OutboxState, policy: FlushPolicy, bytes: number): boolean {
  return state.cut.length < MAX_CUT_RUNS && outboxBytes(state) + bytes <= policy.maxOutboxBytes;
}

/** Whether the open run must be cut before a commit of `bytes` is booked into its cells. */
export function mustCutBefore(state: OutboxState, bytes: number): boolean {
  return state.open !== null && state.open.bytes + bytes > MAX_RUN_BYTES;
}

/** Row `state.nextRow` was committed; `cells` is the size of the live cell table after it. */
export function onCommit(state: OutboxState, commit: { events: number; bytes: number; cells: number; nowMs: EpochMs }): OutboxState {
  const row = state.nextRow;
  const { open } = state;
  assert(open === null || open.lastRow === row - 1, 'rows are committed in order');
  assert(commit.bytes > 0, 'a commit has bytes');
  return {
    ...state,
    nextRow: row + 1,
    open: {
      firstRow: open?.firstRow ?? row,
      lastRow: row,
      events: (open?.events ?? 0) + commit.events,
      bytes: (open?.bytes ?? 0) + commit.bytes,
      cells: commit.cells,
      sinceMs: open?.sinceMs ?? commit.nowMs,
    },
  };
}

/** The open run's cells were drained: the next commit begins a new run. */
export function onCut(state: OutboxState): OutboxState {
  assert(state.open !== null, 'only open rows can be cut');
  const { firstRow, lastRow, events, bytes } = state.open;
  return { ...state, open: null, cut: [...state.cut, { firstRow, lastRow, events, bytes }] };
}

/** The oldest cut run was stored as frame `sealedSeq + 1` of `frameBytes`. */
export function onSealed(state: OutboxState, frameBytes: number): OutboxState {
  const [run, ...cut] = state.cut;
  assert(run !== undefined, 'only a cut run can be sealed');
  const last = state.sealed.at(-1);
  assert(last === undefined || (run.firstRow === last.lastRow + 1 && last.seq === state.sealedSeq), 'frames follow one another');
  const seq = state.sealedSeq + 1;
  return {
    ...state,
    cut,
    sealed: [...state.sealed, { ...run, bytes: frameBytes, seq }],
    sealedBytes: state.sealedBytes + frameBytes,
    sealedEvents: state.sealedEvents + run.events,
    sealedSeq: seq,
  };
}

/**
 * The hub has everything up to `ack.ackedSeq`. Only the first sealed frame is ever in flight, so an acknowledgement beyond it, or of
 * another epoch, speaks of frames that were never sent: it is refused, and nothing is deleted.
 */
export function onAck(state: OutboxState, ack: { epoch: EpochMs; ackedSeq: number }): OutboxState {
  const inFlight = state.sealed[0];
  assert(inFlight !== undefined, 'an ack answers a frame');
  assert(ack.epoch === state.epoch, `ack of epoch ${ack.epoch} in epoch ${state.epoch}`);
  assert(ack.ackedSeq === inFlight.seq, `ack of frame ${ack.ackedSeq} while ${inFlight.seq} is in flight`);
  return {
    ...state,
    sealed: state.sealed.slice(1),
    sealedBytes: state.sealedBytes - inFlight.bytes,
    sealedEvents: state.sealedEvents - inFlight.events,
    ackedSeq: inFlight.seq,
    attempts: 0,
    retryAtMs: 0,
  };
}

/** The frame in flight was not acknowledged: wait, longer each time, then send the same bytes. `jitter` in [0, 1). */
export function onSendFailure(state: OutboxState, failure: { nowMs: EpochMs; jitter: number }): OutboxState {
  const attempts = state.attempts + 1;
  return { ...state, attempts, retryAtMs: failure.nowMs + backoffMs(attempts, failure.jitter) };
}

/**
 * The hub knows a later epoch, and no log can have a frame of this one: every frame was stored anew under an epoch that is later still. `frameBytes`: their
 * lengths, in order.
 */
export function onLaterEpoch(state: OutboxState, epoch: EpochMs, frameBytes: readonly number[]): OutboxState {
  assert(epoch > state.epoch, 'an epoch only rises');
  assert(state.ackedSeq === 0 && frameBytes.length === state.sealed.length, 'nothing of the epoch was acknowledged');
  const sealed = state.sealed.map((frame, i): SealedFrame => ({ ...frame, bytes: frameBytes[i]! }));
  return { ...state, epoch, sealed, sealedBytes: sum(sealed, 'bytes'), attempts: 0, retryAtMs: 0 };
}

/** Sending stops until somebody has looked; commits go on until the outbox is full. */
export function onHalt(state: OutboxState, reason: HaltReason): OutboxState {
  return { ...state, halted: reason };
}

/** Somebody has looked: send again, from the same frame. */
export function onResume(state: OutboxState): OutboxState {
  return { ...state, halted: null, attempts: 0, retryAtMs: 0 };
}

/**
 * What to do now. Full runs are sealed at once; a run that is merely old waits while frames before it are still unsent, so that a hub
 * that is down for an hour finds few large frames and not thousands of small ones.
 */
export function planFlush(state: OutboxState, policy: FlushPolicy, nowMs: EpochMs): FlushPlan {
  const { open } = state;
  const inFlight = state.sealed[0];
  const cut = state.cut[0];
  if (cut !== undefined) return planSeal(cut);
  if (open !== null && isFull(open, policy)) return planSeal(open);
  if (inFlight !== undefined) return planSend(state, inFlight, nowMs);
  if (open === null) return { kind: 'idle' };
  const dueAtMs = open.sinceMs + policy.maxDelayMs;
  return nowMs >= dueAtMs ? planSeal(open) : { kind: 'sleep', wakeAtMs: dueAtMs };
}

function planSeal({ firstRow, lastRow }: RowRun): FlushPlan {
  return { kind: 'seal', firstRow, lastRow };
}

function planSend(state: OutboxState, inFlight: SealedFrame, nowMs: EpochMs): FlushPlan {
  if (state.halted !== null) return { kind: 'idle' };
  return nowMs >= state.retryAtMs ? { kind: 'send', seq: inFlight.seq } : { kind: 'sleep', wakeAtMs: state.retryAtMs };
}

function isFull(open: { bytes: number; cells: number }, policy: FlushPolicy): boolean {
  return open.bytes >= Math.min(policy.maxBytes, MAX_RUN_BYTES) || open.cells >= policy.maxCells;
}

function sum(runs: readonly RowRun[], field: 'bytes' | 'events'): number {
  let total = 0;
  for (const run of runs) total += run[field];
  return total;
}
