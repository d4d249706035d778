import { assert } from '../../core/errors.ts';
import { MAX_EPOCH_MS } from '../../core/time.ts';
import { ByteReader, corrupt } from './byte-reader.ts';
import { ByteWriter, type OwnedBytes, varintBytes } from './byte-writer.ts';

/** 2: sections may be packed with Brotli. Version 1, whose sections are gzip, is read as well: a rolling deploy begins with the hubs. */
export const FRAME_VERSION = 2;
const OLDEST_FRAME_VERSION = 1;
/** A hub refuses a longer body before it reads it. */
export const MAX_FRAME_BYTES = 8 * 1_048_576;
/** A hub inflates no section beyond this, whatever the header claims. */
export const MAX_SECTION_BYTES = 32 * 1_048_576;
/** `live.us.e0.3.0` and the like. */
const MAX_NAME_BYTES = 200;
const SOURCES = ['live', 'replay'] as const;

/** Where a shard's events come from: visitors now, or imported history. */
export type FrameSource = (typeof SOURCES)[number];

/** What one frame says of itself. `(shard, epoch, seq)` names it for ever. */
export type FrameHeader = {
  readonly shard: string;
  readonly source: FrameSource;
  readonly region: string;
  /** Changes when the shard's storage is reset, and only upwards. */
  readonly epoch: number;
  /** From 1, one more with each frame. */
  readonly seq: number;
  /** Rows of the shard's log that the frame carries, both inclusive. */
  readonly firstRow: number;
  readonly lastRow: number;
  readonly deltaRows: number;
  readonly ledgerRows: number;
  readonly rawEvents: number;
  /** Events that were committed but are in neither this frame nor an earlier one. */
  readonly pendingEvents: number;
  readonly createdAtMs: number;
  /** Length of each section before compression. */
  readonly deltaBytes: number;
  readonly rawBytes: number;
};

/**
 * How a section is packed, told by its first byte: 2 = Brotli follows; a gzip stream, as older shards write it, begins with 0x1f of its own.
 * Packing itself is the shells' business.
 */
export const SECTION_PACKING = { brotli: 2, gzip: 0x1f } as const;

/** A frame; both sections are packed. */
export type Frame = { readonly header: FrameHeader; readonly deltas: Uint8Array; readonly raw: Uint8Array };

/** One frame's bytes. Equal frames give equal bytes. Layout: `FRAME_FORMAT`. */
export function encodeFrame(frame: Frame): OwnedBytes {
  const fault = headerFault(frame.header);
  assert(fault === null, `frame header: ${fault}`);
  const head = new ByteWriter();
  head.u8(FRAME_VERSION);
  writeHeader(head, frame.header);
  const { deltas, raw } = frame;
  const writer = new ByteWriter(head.length + varintBytes(deltas.length) + deltas.length + varintBytes(raw.length) + raw.length);
  writer.bytes(head.written());
  writer.lengthAndBytes(frame.deltas);
  writer.lengthAndBytes(frame.raw);
  assert(writer.length <= MAX_FRAME_BYTES, `a frame of ${writer.length} bytes is above the limit`);
  return writer.finish();
}

/** The frame, its sections as views into `bytes`, still packed. */
export function decodeFrame(bytes: Uint8Array): Frame {
  if (bytes.length > MAX_FRAME_BYTES) corrupt(`a frame of ${bytes.length} bytes is above the limit`);
  const reader = new ByteReader(bytes);
  const header = readHeader(reader);
  const deltas = reader.lengthAndBytes();
  const raw = reader.lengthAndBytes();
  reader.end();
  return { header, deltas, raw };
}

/** The header alone; says nothing about the rest. */
export function peekFrameHeader(bytes: Uint8Array): FrameHeader {
  return readHeader(new ByteReader(bytes));
}

function writeHeader(writer: ByteWriter, header: FrameHeader): void {
  writer.string(header.shard);
  writer.u8(SOURCES.indexOf(header.source));
  writer.string(header.region);
  for (const field of NUMBERS) writer.varint(header[field]);
}

function readHeader(reader: ByteReader): FrameHeader {
  const version = reader.u8();
  if (version < OLDEST_FRAME_VERSION || version > FRAME_VERSION) corrupt('unknown frame version');
  const shard = reader.string();
  const source = SOURCES[reader.u8()] ?? corrupt('unknown frame source');
  const region = reader.string();
  const header = {
    shard,
    source,
    region,
    epoch: reader.varint(),
    seq: reader.varint(),
    firstRow: reader.varint(),
    lastRow: reader.varint(),
    deltaRows: reader.varint(),
    ledgerRows: reader.varint(),
    rawEvents: reader.varint(),
    pendingEvents: reader.varint(),
    createdAtMs: reader.varint(),
    deltaBytes: reader.varint(),
    rawBytes: reader.varint(),
  };
  const fault = headerFault(header);
  return fault === null ? header : corrupt(`frame header: ${fault}`);
}

function headerFault(header: FrameHeader): string | null {
  const { shard, region } = header;
  if (shard.length === 0 || shard.length > MAX_NAME_BYTES) return 'shard name is empty or too long';
  if (region.length === 0 || region.length > MAX_NAME_BYTES) return 'region is empty or too long';
  if (header.seq < 1) return 'seq starts at 1';
  if (header.lastRow < header.firstRow) return 'rows run backwards';
  if (header.createdAtMs > MAX_EPOCH_MS) return 'created after the end of time';
  if (header.deltaBytes > MAX_SECTION_BYTES || header.rawBytes > MAX_SECTION_BYTES) return 'a section is above the limit';
  if (header.deltaRows + header.ledgerRows > header.deltaBytes) return 'more rows than bytes';
  if (header.rawEvents > header.rawBytes) return 'more events than bytes';
  return null;
}

/** The header's numbers in the order in which they are written. */
const NUMBERS = [
  'epoch',
  'seq',
  'firstRow',
  'lastRow',
  'deltaRows',
  'ledgerRows',
  'rawEvents',
  'pendingEvents',
  'createdAtMs',
  'deltaBytes',
  'rawBytes',
] as const;

/** Field list, pinned by `wire-version.test.ts`. */
export const FRAME_FORMAT = {
  version: FRAME_VERSION,
  fields: ['u8 version', 'string shard', 'u8 source', 'string region', ...NUMBERS.map((name) => `varint ${name}`), 'bytes deltas', 'bytes raw', SECTION_PACKING],
} as const;
