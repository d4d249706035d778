import { createHmac, timingSafeEqual } from 'node:crypto';
import { MINUTE_MS } from '../../core/time.ts';
import type { EpochMs } from '../../core/time.ts';

export const FLUSH_SIGNATURE_HEADER = 'x-edgetally-signature';
/** A signature stands so long on either side of its time; a replay within it is told by its (shard, epoch, seq). */
export const SIGNATURE_TOLERANCE_MS = 5 * MINUTE_MS;

const HEADER_PATTERN = /^t=(\d{1,15}),v1=([0-9a-f]{64})$/;

/** `t=<ms>,v1=<hex HMAC-SHA256(key, "<t>." + body)>`: what a shard sends with a frame. */
export function signFlush(key: Uint8Array, body: Uint8Array, nowMs: EpochMs): string {
  return `t=${nowMs},v1=${tagOf(key, String(nowMs), body).toString('hex')}`;
}

/** Whether one of the keys in force signed exactly this body, lately; compared in constant time. */
export function isSignedFlush(
  keys: readonly Uint8Array[],
  { header, body, nowMs }: { readonly header: string | undefined; readonly body: Uint8Array; readonly nowMs: EpochMs },
): boolean {
  const [, time, tag] = HEADER_PATTERN.exec(header ?? '') ?? [];
  if (time === undefined || tag === undefined) return false;
  if (Math.abs(nowMs - Number(time)) > SIGNATURE_TOLERANCE_MS) return false;
  const claimed = Buffer.from(tag, 'hex');
  return keys.some((key) => timingSafeEqual(tagOf(key, time, body), claimed));
}

function tagOf(key: Uint8Array, time: string, body: Uint8Array): Buffer {
  return createHmac('sha256', key).update(`${time}.`).update(body).digest();
}
