import { decodeBase64Url } from '../../core/crypto/base64url.ts';
import { equalBytes } from '../../core/crypto/constant-time.ts';
import { HMAC_BYTES, HmacKey } from '../../core/crypto/hmac.ts';
import { SECOND_MS, type EpochMs } from '../../core/time.ts';
import { SIGNATURE_TOLERANCE_MS } from '../../schemas/edge-routes.ts';

/** Times below this are seconds, above it milliseconds: 1e11 ms is 1973, 1e11 s is the year 5138. */
const SECONDS_BELOW = 1e11;
const HEX_TAG = /^[0-9a-f]{64}$/i;
/** A sender that rotates its secret signs twice. */
const MAX_TAGS = 4;
const encoder = new TextEncoder();

/**
 * Whether `X-Signature: t=<epoch>,v1=<hex>` signs the body as it was sent: HMAC-SHA-256 over `<t>.<body>` under the key's signing
 * secret, `t` in seconds or milliseconds within five minutes.
 */
export function isBodySigned(check: { header: string | null; secret: string; body: Uint8Array; nowMs: EpochMs }): boolean {
  const parts = (check.header ?? '').split(',').map((part) => part.trim());
  const time = parts.find((part) => part.startsWith('t='))?.slice(2) ?? '';
  const tags = parts.filter((part) => part.startsWith('v1=')).map((part) => part.slice(3));
  const secret = decodeBase64Url(check.secret);
  if (!/^\d{1,16}$/.test(time) || tags.length === 0 || tags.length > MAX_TAGS || secret === null) return false;
  const timeMs = Number(time) < SECONDS_BELOW ? Number(time) * SECOND_MS : Number(time);
  if (Math.abs(check.nowMs - timeMs) > SIGNATURE_TOLERANCE_MS) return false;
  const expected = new HmacKey(secret).tag(signedBytes(time, check.body));
  return tags.some((tag) => HEX_TAG.test(tag) && equalBytes(fromHex(tag), expected, HMAC_BYTES));
}

function signedBytes(time: string, body: Uint8Array): Uint8Array {
  const head = encoder.encode(`${time}.`);
  const message = new Uint8Array(head.length + body.length);
  message.set(head);
  message.set(body, head.length);
  return message;
}

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, index) => Number.parseInt(hex.slice(index * 2, index * 2 + 2), 16));
}
