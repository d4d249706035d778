import { assert } from '../../core/errors.ts';
import { ByteReader, ByteWriter, corrupt } from './bytes.ts';
import type { OwnedBytes } from './bytes.ts';

export const RAW_SECTION_VERSION = 1;
/** Row number, length, and the least that a commit can be: version, time, an empty batch, no corrections. */
const MIN_COMMIT_BYTES = 2 + 17;
/** Several times what a frame at its largest `maxBytes` holds; a section that claims more would fill the hub's memory with objects. */
export const MAX_RAW_COMMITS = 262_144;

/** One row of a shard's log as it was committed; `row` is its number there. */
export type RawCommit = { readonly row: number; readonly bytes: Uint8Array };

/** Commits in row order, byte for byte as the shard stored them. Layout: `RAW_SECTION_FORMAT`. */
export function encodeRawSection(commits: readonly RawCommit[]): OwnedBytes {
  const writer = new ByteWriter(16 + commits.reduce((sum, commit) => sum + commit.bytes.length + 12, 0));
  assert(commits.length <= MAX_RAW_COMMITS, 'a frame holds so many commits');
  writer.u8(RAW_SECTION_VERSION);
  writer.varint(commits.length);
  for (const commit of commits) {
    writer.varint(commit.row);
    writer.lengthAndBytes(commit.bytes);
  }
  return writer.finish();
}

/** The commits, as views into `bytes`. Rows must ascend; the commits themselves are read by `decodeCommit`. */
export function decodeRawSection(bytes: Uint8Array): RawCommit[] {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== RAW_SECTION_VERSION) corrupt('unknown raw section version');
  const count = reader.count(MIN_COMMIT_BYTES);
  if (count > MAX_RAW_COMMITS) corrupt(`${count} commits are above the limit`);
  const commits: RawCommit[] = [];
  let previous = -1;
  for (let i = 0; i < count; i++) {
    const row = reader.varint();
    if (row <= previous) corrupt(`row ${row} after row ${previous}`);
    previous = row;
    commits.push({ row, bytes: reader.lengthAndBytes() });
  }
  reader.end();
  return commits;
}

/** Field list, pinned by `wire-version.test.ts`. */
export const RAW_SECTION_FORMAT = {
  version: RAW_SECTION_VERSION,
  fields: ['u8 version', 'varint count', 'count × (varint row, varint length, bytes commit)'],
} as const;
