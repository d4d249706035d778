import { assert } from '../../core/errors.ts';
import type { Attribution, Judgement, WaitingClick } from '../../core/judgement/judgement.ts';
import type { EpochMs } from '../../core/time.ts';
import { ByteReader, corrupt } from './byte-reader.ts';
import { ByteWriter, type OwnedBytes, varintBytes } from './byte-writer.ts';
import { DIMENSION_FIELDS, StringInterner, readInterned, readStringTable } from './dimension-table.ts';
import { EventBatchReader } from './event-batch.ts';
import { isEpochMs } from './event-header.ts';
import { JUDGEMENT_BYTES, JUDGEMENT_FIELDS, readJudgement, writeJudgement } from './judgement-bytes.ts';

export const COMMIT_VERSION = 1;
/** Event index, key, time, cost, window, id, and one byte a dimension. */
const MIN_ATTRIBUTION_BYTES = 1 + 8 + 4 + DIMENSION_FIELDS.length;

/** Version and time. */
const HEAD_BYTES = 1 + 8;

/** What a shard decided about one batch, and when it made it durable. */
export type Commit = {
  readonly committedAtMs: EpochMs;
  readonly batch: EventBatchReader;
  /** One an event, in order. */
  readonly judgements: readonly Judgement[];
  /** Waiting clicks that impressions of this batch made billable. */
  readonly attributions: readonly Attribution[];
};

/** A commit as its shard has it; `batch` as bytes or already opened. */
export type CommitInput = Omit<Commit, 'batch'> & { readonly batch: Uint8Array | EventBatchReader };

/** One row of a shard's log: write-ahead log, outbox and raw record at once. The batch goes in byte for byte as it came. */
export function encodeCommit(commit: CommitInput): OwnedBytes {
  const batch = commit.batch instanceof EventBatchReader ? commit.batch : new EventBatchReader(commit.batch);
  assert(commit.judgements.length === batch.eventCount, 'one judgement an event');
  assert(isEpochMs(commit.committedAtMs), 'commit time is in range');
  const { length } = batch.bytes;
  const attributions = attributionBytes(commit.attributions, batch.eventCount);
  const writer = new ByteWriter(HEAD_BYTES + varintBytes(length) + length + batch.eventCount * JUDGEMENT_BYTES + attributions.length);
  writer.u8(COMMIT_VERSION);
  writer.f64(commit.committedAtMs);
  writer.lengthAndBytes(batch.bytes);
  for (let i = 0; i < batch.eventCount; i++) writeJudgement(writer, commit.judgements[i]!, batch.terms(i).pricing);
  writer.bytes(attributions);
  return writer.finish();
}

/** Reads a commit; its batch is a view into `bytes`. Throws `TrackingError('corrupt_bytes')`. */
export function decodeCommit(bytes: Uint8Array): Commit {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== COMMIT_VERSION) corrupt('unknown commit version');
  const committedAtMs = reader.f64();
  if (!isEpochMs(committedAtMs)) corrupt('commit time is out of range');
  const batch = new EventBatchReader(reader.lengthAndBytes());
  const judgements: Judgement[] = [];
  for (let i = 0; i < batch.eventCount; i++) judgements.push(readJudgement(reader, batch.terms(i).pricing));
  const attributions = readAttributions(reader, batch.eventCount);
  reader.end();
  return { committedAtMs, batch, judgements, attributions };
}

/** No strings, no attributions: as nearly every commit has it. */
const NO_ATTRIBUTIONS = Uint8Array.of(0, 0);

function attributionBytes(attributions: readonly Attribution[], eventCount: number): Uint8Array {
  if (attributions.length === 0) return NO_ATTRIBUTIONS;
  const strings = new StringInterner();
  const rows = new ByteWriter(attributions.length * 96);
  for (const { eventIndex, click } of attributions) {
    assert(eventIndex < eventCount, 'an impression of this batch woke the click');
    assert(isEpochMs(click.eventTimeMs), 'click time is in range');
    rows.varint(eventIndex);
    rows.u32(click.id.lo);
    rows.u32(click.id.hi);
    rows.varint(click.eventTimeMs);
    rows.varint(click.costNanos);
    rows.varint(click.attributionWindowMs);
    rows.string(click.clickId);
    for (const field of DIMENSION_FIELDS) rows.varint(strings.index(click.cell[field]));
  }
  const writer = new ByteWriter(rows.length + 256);
  strings.write(writer);
  writer.varint(attributions.length);
  writer.bytes(rows.written());
  return writer.written();
}

function readAttributions(reader: ByteReader, eventCount: number): Attribution[] {
  const strings = readStringTable(reader);
  const count = reader.count(MIN_ATTRIBUTION_BYTES);
  const attributions: Attribution[] = [];
  for (let i = 0; i < count; i++) {
    const eventIndex = reader.below(eventCount, 'attributing event');
    attributions.push({ eventIndex, click: readWaitingClick(reader, strings) });
  }
  return attributions;
}

function readWaitingClick(reader: ByteReader, strings: readonly string[]): WaitingClick {
  const id = { lo: reader.u32(), hi: reader.u32() };
  const eventTimeMs = reader.varint();
  if (!isEpochMs(eventTimeMs)) corrupt('click time is out of range');
  return {
    id,
    eventTimeMs,
    costNanos: reader.varint(),
    attributionWindowMs: reader.varint(),
    clickId: reader.string(),
    cell: {
      advertiserId: readInterned(reader, strings),
      campaignId: readInterned(reader, strings),
      adId: readInterned(reader, strings),
      creativeId: readInterned(reader, strings),
      publisherId: readInterned(reader, strings),
      placementId: readInterned(reader, strings),
      country: readInterned(reader, strings),
      deviceType: readInterned(reader, strings),
    },
  };
}

/** Field list, pinned by `wire-version.test.ts`. */
export const COMMIT_FORMAT = {
  version: COMMIT_VERSION,
  fields: [
    'u8 version',
    'f64 committedAtMs',
    'bytes batch',
    JUDGEMENT_FIELDS,
    'count strings',
    'count attributions: eventIndex u32 idLo u32 idHi eventTimeMs costNanos attributionWindowMs string clickId',
    DIMENSION_FIELDS,
  ],
} as const;
