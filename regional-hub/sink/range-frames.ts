import { MAX_SECTION_BYTES, type FrameHeader } from '../../schemas/wire/frame.ts';
import { decodeDeltasRecord, decodeRawRecord, type DeltasRecord, type RawRecord } from '../../schemas/wire/log-record.ts';
import type { FrameOrigin } from '../../schemas/clickhouse/frame-blocks.ts';
import { TOPICS, type StoredRecord, type Topic } from '../log/delta-log.ts';
import { unpackSection } from '../log/unpack-section.ts';
import type { RecordSize } from './range-plan.ts';
import type { RangeId } from './sink-store.ts';
import type { FrameName } from './watermark.ts';

/** A record of the log with its envelope opened and its section still compressed. */
export type OpenedRecord = { readonly offset: bigint; readonly bytes: number } & (
  | { readonly topic: typeof TOPICS.deltas; readonly record: DeltasRecord }
  | { readonly topic: typeof TOPICS.raw; readonly record: RawRecord }
);

/** Opens a record's envelope; throws `corrupt_bytes` for what no hub can have appended. */
export function openRecord(topic: Topic, { offset, value }: StoredRecord): OpenedRecord {
  const bytes = value.length;
  if (topic === TOPICS.deltas) return { topic, offset, bytes, record: decodeDeltasRecord(value) };
  return { topic, offset, bytes, record: decodeRawRecord(value) };
}

/** What the record adds to a range, by its own header. */
export function sizeOf({ topic, bytes, record }: OpenedRecord): RecordSize {
  const { deltaRows, ledgerRows, rawEvents } = record.header;
  return { bytes, rows: topic === TOPICS.deltas ? deltaRows + ledgerRows : rawEvents };
}

/** The frame's name, as watermarks know it. */
export function frameName({ record: { header, digest } }: OpenedRecord): FrameName {
  return { shard: header.shard, epoch: header.epoch, seq: header.seq, digest };
}

/** What every row of the frame says of where it came from. */
export function originOf(range: RangeId, opened: OpenedRecord): FrameOrigin {
  const header: FrameHeader = opened.record.header;
  return {
    partition: range.partition,
    offset: Number(opened.offset),
    storedAtMs: range.claimedAtMs,
    shard: header.shard,
    epoch: header.epoch,
    seq: header.seq,
    region: header.region,
    source: header.source,
  };
}

/** A section's bytes; refuses to inflate beyond the limit. */
export async function inflateSection(section: Uint8Array): Promise<Uint8Array> {
  return unpackSection(section, { maxOutputLength: MAX_SECTION_BYTES });
}
