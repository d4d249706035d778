import * as v from 'valibot';
import { TrackingError } from '../../core/errors.ts';
import { FLUSH_POLICY_BOUNDS } from '../../core/flush/policy.ts';
import type { FlushPolicy } from '../../core/flush/policy.ts';

/** A hub's answer to a frame: what is durable, and how to flush from now on. */
export type FlushAck = {
  readonly epoch: number;
  /** Every frame up to this one is in the log. */
  readonly ackedSeq: number;
  readonly policy: FlushPolicy;
};

export const ACK_VERSION = 1;

const bounded = ({ min, max }: { min: number; max: number }) => v.pipe(v.number(), v.safeInteger(), v.minValue(min), v.maxValue(max));
const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** A flush policy within its bounds; unknown fields are refused, so that a typo never reads as a default. */
export const flushPolicySchema = v.strictObject({
  maxDelayMs: bounded(FLUSH_POLICY_BOUNDS.maxDelayMs),
  maxCells: bounded(FLUSH_POLICY_BOUNDS.maxCells),
  maxBytes: bounded(FLUSH_POLICY_BOUNDS.maxBytes),
  maxOutboxBytes: bounded(FLUSH_POLICY_BOUNDS.maxOutboxBytes),
});

/** Unknown fields are ignored here: a newer hub may say more to an older shard. */
const ackSchema = v.object({
  version: v.literal(ACK_VERSION),
  epoch: whole,
  ackedSeq: whole,
  policy: v.object(flushPolicySchema.entries),
});

/** JSON of an ack. */
export function encodeAck(ack: FlushAck): string {
  return JSON.stringify({ version: ACK_VERSION, ...ack });
}

/** Reads an ack; anything else throws `TrackingError('corrupt_bytes')`. */
export function decodeAck(text: string): FlushAck {
  try {
    const { epoch, ackedSeq, policy } = v.parse(ackSchema, JSON.parse(text));
    return { epoch, ackedSeq, policy };
  } catch (cause) {
    throw new TrackingError('corrupt_bytes', 'not a flush ack', { cause });
  }
}
