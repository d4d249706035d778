import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { MINUTE_MS } from '../../core/time.ts';
import type { EpochMs } from '../../core/time.ts';
import type { FrameDigest } from '../../schemas/wire/log-record.ts';

export const FLUSH_SIGNATURE_HEADER = 'x-edgetally-signature';
/** A signature stands so long on either side of its time; a replay within it is told by its (shard, epoch, seq). */
export const SIGNATURE_TOLERANCE_MS = 5 * MINUTE_MS;

const HEADER_PATTERN = /^t=(\d{1,15}),h=([0-9a-f]{64}),v1=([0-9a-f]{64})$/;

/** SHA-256 of a frame's bytes, in hex. */
export function digestOf(body: Uint8Array): FrameDigest {
  return createHash('sha256').update(body).digest('hex');
}

/**
 * `t=<ms>,h=<hex SHA-256(body)>,v1=<hex HMAC-SHA256(key, "<t>.<h>")>`: what a shard sends with a frame. The tag stands in the header for
 * the whole body, so that the hub knows who speaks before it reads, or sets memory aside for, a single byte of it.
 */
export function signFlush(key: Uint8Array, body: Uint8Array, nowMs: EpochMs): string {
  const digest = digestOf(body);
  return `t=${nowMs},h=${digest},v1=${tagOf(key, String(nowMs), digest).toString('hex')}`;
}

/** The digest of the body that one of the keys in force vouches for, lately; null when none does. Tags are compared in constant time. */
export function vouchedDigest(keys: readonly Uint8Array[], { header, nowMs }: { readonly header: string | undefined; readonly nowMs: EpochMs }): FrameDigest | null {
  const [, time, digest, tag] = HEADER_PATTERN.exec(header ?? '') ?? [];
  if (time === undefined || digest === undefined || tag === undefined) return null;
  if (Math.abs(nowMs - Number(time)) > SIGNATURE_TOLERANCE_MS) return null;
  const claimed = Buffer.from(tag, 'hex');
  return keys.some((key) => timingSafeEqual(tagOf(key, time, digest), claimed)) ? digest : null;
}

function tagOf(key: Uint8Array, time: string, digest: FrameDigest): Buffer {
  return createHmac('sha256', key).update(`${time}.${digest}`).digest();
}
