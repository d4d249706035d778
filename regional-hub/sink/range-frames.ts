import type { FrameHeader } from '../../schemas/wire/frame.ts';
import { decodeDeltasRecord, decodeRawRecord, type DeltasRecord, type RawRecord } from '../../schemas/wire/log-record.ts';
import type { FrameOrigin } from '../../schemas/clickhouse/frame-blocks.ts';
import { TOPICS, type StoredRecord, type Topic } from '../log/delta-log.ts';
import type { UnpackSection } from '../log/unpack-section.ts';
import type { RecordSize } from './range-plan.ts';
import type { RangeId } from './sink-store.ts';
import type { FrameName } from './watermark.ts';

/** What a row of a block takes beyond its share of the section, about. */
const CELL_BYTES = 86;
const EVENT_BYTES = 144;

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

/** Rows of the record in its table, by its own header. */
export function rowsOf({ topic, record: { header } }: OpenedRecord): number {
  return topic === TOPICS.deltas ? header.deltaRows : header.rawEvents;
}

/** What the record adds to a range: a block repeats in each row what a section says once. */
export function sizeOf(opened: OpenedRecord): RecordSize {
  const { header } = opened.record;
  const blockBytes = opened.topic === TOPICS.deltas ? header.deltaBytes + rowsOf(opened) * CELL_BYTES : header.rawBytes + rowsOf(opened) * EVENT_BYTES;
  return { bytes: opened.bytes, blockBytes };
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

/** The record's section, unpacked; intake has seen that it is as long as its header says. */
export function sectionOf(unpack: UnpackSection, { topic, record }: OpenedRecord): Promise<Uint8Array> {
  const { deltaBytes, rawBytes } = record.header;
  return topic === TOPICS.deltas ? unpack(record.deltas, { maxOutputLength: deltaBytes }) : unpack(record.raw, { maxOutputLength: rawBytes });
}
