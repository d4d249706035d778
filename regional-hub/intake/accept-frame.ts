import type { FlushPolicy } from '../../core/flush/policy.ts';
import { TrackingError, isRetryable } from '../../core/errors.ts';
import type { EpochMs } from '../../core/time.ts';
import { encodeAck } from '../../schemas/wire/ack.ts';
import type { Frame } from '../../schemas/wire/frame.ts';
import { decodeFrame } from '../../schemas/wire/frame.ts';
import { encodeDeltasRecord, encodeRawRecord } from '../../schemas/wire/log-record.ts';
import { TOPICS } from '../log/delta-log.ts';
import type { UnpackSection } from '../log/unpack-section.ts';
import type { DeltaLog } from '../log/delta-log.ts';
import type { FrameIndex } from './frame-index.ts';
import { placeFrame } from './frame-index.ts';
import type { KeyedQueue } from './keyed-queue.ts';
import { openFrame, type OpenedFrame } from './open-frame.ts';
import { digestOf, vouchedDigest } from './signature.ts';
import type { WorkBudget } from './work-budget.ts';

/** The flush policy in force; every region has one. */
export type FlushPolicies = { forRegion(region: string): FlushPolicy };

/** What became of a body that came to the door; a closed set, counted. */
export const FLUSH_OUTCOMES = [
  'appended',
  'repeated',
  'unauthorized',
  'too_large',
  'corrupt_bytes',
  'frame_conflict',
  'stale_epoch',
  'frame_gap',
  'overloaded',
  'unavailable',
] as const;
export type FlushOutcome = (typeof FLUSH_OUTCOMES)[number];

/** Where intake's counters go. */
export type IntakeMetrics = {
  /** Every body, once. `rawEvents` is 0 unless it was appended. */
  flushed(outcome: FlushOutcome, size: { readonly bodyBytes: number; readonly rawEvents: number }): void;
};

export type IntakeDeps = {
  readonly log: DeltaLog;
  readonly index: FrameIndex;
  readonly policies: FlushPolicies;
  readonly metrics: IntakeMetrics;
  /** Keys that shards may sign with; two while one is being replaced. */
  readonly flushKeys: readonly Uint8Array[];
  /** `accepted` where several hubs share one log: a shard may have flushed to another one in between. */
  readonly gaps: 'refused' | 'accepted';
  /** One for each process: frames of one shard are taken one at a time. */
  readonly shards: KeyedQueue;
  readonly budget: WorkBudget;
  /** `unpackSection` unless said otherwise. */
  readonly unpack?: UnpackSection;
};

export type FlushBody = { readonly body: Uint8Array; readonly signatureHeader: string | undefined; readonly nowMs: EpochMs };
export type FlushReply = { readonly status: 200 | 400 | 401 | 409 | 413 | 503; readonly body: string; readonly outcome: FlushOutcome };

/**
 * One frame, from bytes to acknowledgement. Whoever gets a 200 may forget the frame: it is in the log.
 * The same frame any number of times gives the same answer; the same name with other bytes is a conflict.
 */
export async function acceptFrame(deps: IntakeDeps, { body, signatureHeader, nowMs }: FlushBody): Promise<FlushReply> {
  const { rawEvents = 0, ...reply } = await replyTo(deps, { body, signatureHeader, nowMs });
  deps.metrics.flushed(reply.outcome, { bodyBytes: body.length, rawEvents });
  return reply;
}

/** What a sender without a sound signature is told, read or unread. */
export const UNVOUCHED = 'the signature does not fit this body, now';

type Answer = FlushReply & { readonly rawEvents?: number };

async function replyTo(deps: IntakeDeps, { body, signatureHeader, nowMs }: FlushBody): Promise<Answer> {
  const vouched = vouchedDigest(deps.flushKeys, { header: signatureHeader, nowMs });
  if (vouched === null || digestOf(body) !== vouched) return refusal('unauthorized', UNVOUCHED);
  try {
    const frame = decodeFrame(body);
    const { deltaBytes, rawBytes, shard } = frame.header;
    return await deps.budget.spend(deltaBytes + rawBytes, () => deps.shards.run(shard, () => placeAndAppend(deps, body, frame)));
  } catch (error) {
    return refusalFor(error);
  }
}

async function placeAndAppend(deps: IntakeDeps, body: Uint8Array, frame: Frame): Promise<Answer> {
  const { shard, epoch, seq } = frame.header;
  const entry = { shard, epoch, seq, digest: digestOf(body) };
  const position = deps.index.positionOf(shard);
  const place = placeFrame(entry, { position, digest: deps.index.digestOf(shard, seq) }, deps.gaps);
  switch (place.kind) {
    case 'repeat':
      return acked(deps, frame, 'repeated', place.ackedSeq);
    case 'conflict':
      return refusal('frame_conflict', `${shard} ${epoch}/${seq} is in the log with other bytes`);
    case 'stale':
      return refusal('stale_epoch', `${shard} is in epoch ${place.epoch} by now`, { epoch: place.epoch });
    case 'gap':
      return refusal('frame_gap', `${shard} ${epoch} goes on at ${place.expectedSeq}`, { expectedSeq: place.expectedSeq });
    case 'append': {
      const opened = await openFrame(body, frame, deps.unpack);
      if (position?.epoch !== epoch) await deps.index.begin(entry);
      await appendFrame(deps.log, opened);
      await deps.index.advance(entry);
      const lastSeq = position?.epoch === epoch ? Math.max(position.lastSeq, seq) : seq;
      return { ...acked(deps, frame, 'appended', lastSeq), rawEvents: frame.header.rawEvents };
    }
  }
}

/** Both records in one append; the log may take them twice, the sink will not. */
function appendFrame(log: DeltaLog, { frame, digest, hubLedger }: OpenedFrame): Promise<void> {
  const { header, deltas, raw } = frame;
  return log.appendBatch([
    { topic: TOPICS.deltas, key: header.shard, value: encodeDeltasRecord({ header, digest, hubLedger, deltas }) },
    { topic: TOPICS.raw, key: header.shard, value: encodeRawRecord({ header, digest, raw }) },
  ]);
}

function acked(deps: IntakeDeps, { header }: Frame, outcome: 'appended' | 'repeated', ackedSeq: number): Answer {
  return { status: 200, outcome, body: encodeAck({ epoch: header.epoch, ackedSeq, policy: deps.policies.forRegion(header.region) }) };
}

type Refused = Exclude<FlushOutcome, 'appended' | 'repeated'>;

const STATUS: { readonly [Outcome in Refused]: FlushReply['status'] } = {
  unauthorized: 401,
  too_large: 413,
  corrupt_bytes: 400,
  frame_conflict: 409,
  stale_epoch: 409,
  frame_gap: 409,
  overloaded: 503,
  unavailable: 503,
};

/** A refusal in the shape of every error of the API. */
export function refusal(code: Refused, message: string, more: object = {}): FlushReply {
  return { status: STATUS[code], outcome: code, body: JSON.stringify({ code, message, ...more }) };
}

function refusalFor(error: unknown): FlushReply {
  if (!(error instanceof TrackingError)) throw error;
  if (error.code === 'corrupt_bytes') return refusal('corrupt_bytes', error.message);
  if (error.code === 'overloaded') return refusal('overloaded', error.message);
  if (isRetryable(error.code)) return refusal('unavailable', 'the log cannot be written now');
  throw error;
}
