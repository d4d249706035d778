import { decodeBase64Url, encodeBase64Url } from '../core/crypto/base64url.ts';
import { equalBytes } from '../core/crypto/constant-time.ts';
import { HMAC_BYTES, HmacKey } from '../core/crypto/hmac.ts';
import { TrackingError } from '../core/errors.ts';
import type { Snapshot } from './catalogue.ts';

/** Bump it when `Snapshot` changes its meaning: an edge refuses what it does not know and keeps the copy it has. */
const VERSION = 'v1';
const encoder = new TextEncoder();

/** The hub's word to its edges: `v1.<base64url HMAC-SHA-256>.<JSON>`. The tag covers the version and every byte of the JSON. */
export function signSnapshot(snapshot: Snapshot, key: Uint8Array): string {
  const json = JSON.stringify(snapshot);
  return `${VERSION}.${encodeBase64Url(tagOf(json, key))}.${json}`;
}

/** The snapshot in `text`, if the holder of `key` signed it; the tag is checked before a byte of JSON is parsed. Throws `corrupt_bytes`. */
export function openSnapshot(text: string, key: Uint8Array): Snapshot {
  const tagAt = text.indexOf('.') + 1;
  const jsonAt = text.indexOf('.', tagAt) + 1;
  if (tagAt === 0 || jsonAt === 0 || text.slice(0, tagAt - 1) !== VERSION) {
    throw new TrackingError('corrupt_bytes', `not a snapshot of version ${VERSION}`);
  }
  const json = text.slice(jsonAt);
  const tag = decodeBase64Url(text.slice(tagAt, jsonAt - 1));
  if (tag === null || tag.length !== HMAC_BYTES || !equalBytes(tag, tagOf(json, key), HMAC_BYTES)) {
    throw new TrackingError('corrupt_bytes', 'the snapshot was not signed with our key');
  }
  return parseSigned(json);
}

function parseSigned(json: string): Snapshot {
  try {
    return JSON.parse(json) as Snapshot;
  } catch (cause) {
    throw new TrackingError('corrupt_bytes', 'the snapshot is signed but is not JSON', { cause });
  }
}

function tagOf(json: string, key: Uint8Array): Uint8Array {
  return new HmacKey(key).tag(encoder.encode(`edgetally/snapshot/${VERSION}\n${json}`));
}
