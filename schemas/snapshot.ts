import { decodeBase64Url, encodeBase64Url } from '../core/crypto/base64url.ts';
import { equalBytes } from '../core/crypto/constant-time.ts';
import { HMAC_BYTES, HmacKey } from '../core/crypto/hmac.ts';
import { TrackingError } from '../core/errors.ts';
import type { EpochMs } from '../core/time.ts';
import type { Snapshot } from './catalogue.ts';

/** Bump it when `Snapshot` changes its meaning: an edge refuses what it does not know and keeps the copy it has. */
const VERSION = 'v2';
const encoder = new TextEncoder();

/**
 * The hub's word to its edges: `v2.<told at, ms>.<tag of that>.<tag>.<JSON>`. The last two are the sealed snapshot, the same until something changes; the
 * first tag says that the hub stood by it at that time. Each tag is HMAC-SHA-256 in base64url and covers the version.
 */
export type ToldSnapshot = {
  /** By the hub's clock. */
  readonly toldAtMs: EpochMs;
  readonly sealed: string;
};

/** The snapshot and its tag, which covers every byte of the JSON. */
export function sealSnapshot(snapshot: Snapshot, key: Uint8Array): string {
  const json = JSON.stringify(snapshot);
  return `${tagText(`snapshot\n${json}`, key)}.${json}`;
}

/** The text for edges: that `sealed` is what the hub says at `toldAtMs`. */
export function tellSnapshot({ toldAtMs, sealed }: ToldSnapshot, key: Uint8Array): string {
  return `${VERSION}.${toldAtMs}.${tagText(toldText(toldAtMs, sealed), key)}.${sealed}`;
}

/** Both at once. */
export function signSnapshot(snapshot: Snapshot, key: Uint8Array, toldAtMs: EpochMs): string {
  return tellSnapshot({ toldAtMs, sealed: sealSnapshot(snapshot, key) }, key);
}

/** What was told, and when; the JSON is not looked at. Throws `corrupt_bytes`, as for all that the holder of `key` has not signed. */
export function hearSnapshot(text: string, key: Uint8Array): ToldSnapshot {
  const [version, time, tag] = text.split('.', 3);
  if (version !== VERSION || time === undefined || tag === undefined) throw new TrackingError('corrupt_bytes', `not a snapshot of version ${VERSION}`);
  const told = { toldAtMs: Number(time), sealed: text.slice(version.length + time.length + tag.length + 3) };
  if (!isTagOf(tag, toldText(time, told.sealed), key)) throw new TrackingError('corrupt_bytes', 'the snapshot was not told with our key');
  return told;
}

/** The sealed snapshot, if the holder of `key` sealed it; the tag is checked before a byte of JSON is parsed. Throws `corrupt_bytes`. */
export function openSnapshot(sealed: string, key: Uint8Array): Snapshot {
  const jsonAt = sealed.indexOf('.') + 1;
  const json = sealed.slice(jsonAt);
  if (jsonAt === 0 || !isTagOf(sealed.slice(0, jsonAt - 1), `snapshot\n${json}`, key)) {
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

/** It names the snapshot by its tag. */
function toldText(toldAtMs: EpochMs | string, sealed: string): string {
  return `told\n${toldAtMs}\n${sealed.slice(0, sealed.indexOf('.'))}`;
}

function isTagOf(tagText: string, text: string, key: Uint8Array): boolean {
  const tag = decodeBase64Url(tagText);
  return tag !== null && tag.length === HMAC_BYTES && equalBytes(tag, tagOf(text, key), HMAC_BYTES);
}

function tagText(text: string, key: Uint8Array): string {
  return encodeBase64Url(tagOf(text, key));
}

function tagOf(text: string, key: Uint8Array): Uint8Array {
  return new HmacKey(key).tag(encoder.encode(`edgetally/snapshot/${VERSION}\n${text}`));
}
