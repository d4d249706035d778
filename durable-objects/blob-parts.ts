import { assert } from '../core/errors.ts';

/** A row of a durable object holds 2 MB; half of it leaves room for everything else. Longer blobs lie in parts. */
export const MAX_BLOB_BYTES = 1_000_000;

/** `bytes` in parts that fit a row; at least one. */
export function partsOf(bytes: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += MAX_BLOB_BYTES) parts.push(bytes.subarray(at, at + MAX_BLOB_BYTES));
  return parts.length === 0 ? [bytes] : parts;
}

/** The parts, in order, as one again. */
export function joinParts(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts;
  assert(only !== undefined, 'a stored blob has a part');
  if (parts.length === 1) return only;
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
