import { decodeBase64Url } from '../core/crypto/base64url.ts';
import { TrackingError } from '../core/errors.ts';
import type { Key64 } from '../core/event.ts';
import { isKey } from '../core/hash.ts';

/** 64 random bits. */
const BATCH_ID_BYTES = 8;

/** The key that a batch's name stands for; the name is 8 random bytes in base64url. Throws `corrupt_bytes`. */
export function batchKey(batchId: string): Key64 {
  const bytes = decodeBase64Url(batchId);
  if (bytes?.length !== BATCH_ID_BYTES) throw new TrackingError('corrupt_bytes', 'a batch is named by 8 bytes in base64url');
  const view = new DataView(bytes.buffer, bytes.byteOffset, BATCH_ID_BYTES);
  const key = { lo: view.getUint32(0), hi: view.getUint32(4) };
  return isKey(key) ? key : { lo: 1, hi: 0 };
}
