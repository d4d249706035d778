import { assert } from '../../core/errors.ts';
import { ByteReader, corrupt } from './byte-reader.ts';
import { ByteWriter, type OwnedBytes, varintBytes } from './byte-writer.ts';

export const RAW_SECTION_VERSION = 1;
/** Row number, length, and the least that a commit can be: version, time, an empty batch, no corrections. */
const MIN_COMMIT_BYTES = 2 + 17;
/** Several times what a frame at its largest `maxBytes` holds; a section that claims more would fill the hub's memory with objects. */
export const MAX_RAW_COMMITS = 262_144;

/** One row of a shard's log as it was committed; `row` is its number there. */
export type RawCommit = { readonly row: number; readonly bytes: Uint8Array };

/** Collects commits in row order, byte for byte as the shard stored them, into one section after another. Layout: `RAW_SECTION_FORMAT`. */
export class RawSectionWriter {
  readonly #commits = new ByteWriter();
  #count = 0;
  #lastRow = -1;

  /** Commits since the last `finish`. */
  get count(): number {
    return this.#count;
  }

  add({ row, bytes }: RawCommit): void {
    assert(row > this.#lastRow, 'rows ascend');
    assert(this.#count < MAX_RAW_COMMITS, 'a frame holds so many commits');
    this.#commits.varint(row);
    this.#commits.lengthAndBytes(bytes);
    this.#count++;
    this.#lastRow = row;
  }

  /** The section; the next one begins with no commit. */
  finish(): OwnedBytes {
    const out = new ByteWriter(1 + varintBytes(this.#count) + this.#commits.length);
    out.u8(RAW_SECTION_VERSION);
    out.varint(this.#count);
    out.bytes(this.#commits.written());
    this.#commits.clear();
    this.#count = 0;
    return out.finish();
  }
}

/** The section of these commits. */
export function encodeRawSection(commits: readonly RawCommit[]): OwnedBytes {
  const writer = new RawSectionWriter();
  for (const commit of commits) writer.add(commit);
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
