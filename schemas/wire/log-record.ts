import * as v from 'valibot';
import { assert } from '../../core/errors.ts';
import type { LedgerRow } from '../../core/cells/cell.ts';
import { MAX_EPOCH_MS, SECOND_MS } from '../../core/time.ts';
import { ByteReader, corrupt } from './byte-reader.ts';
import { ByteWriter, type OwnedBytes } from './byte-writer.ts';
import type { FrameHeader } from './frame.ts';

/** Raise it with every change of layout; readers refuse what they do not know. */
export const LOG_RECORD_VERSION = 1;

/** SHA-256 of a frame's bytes, lower-case hex. */
export type FrameDigest = string;

/** A term of the conservation ledger as the hub counted it, by disposition, in one received second. */
export type HubLedgerRow = Omit<LedgerRow, 'stage'>;

/** A record of topic `deltas`: what one frame adds to the cells, with the hub's own count of its events beside it. */
export type DeltasRecord = {
  readonly header: FrameHeader;
  readonly digest: FrameDigest;
  /** By region, term and second. */
  readonly hubLedger: readonly HubLedgerRow[];
  /** The frame's delta section, still packed; a view into the record. */
  readonly deltas: Uint8Array;
};

/** A record of topic `raw-events`: the commits of one frame. */
export type RawRecord = {
  readonly header: FrameHeader;
  readonly digest: FrameDigest;
  /** The frame's raw section, still packed; a view into the record. */
  readonly raw: Uint8Array;
};

const KIND = { deltas: 1, raw: 2 } as const;
const DIGEST_BYTES = 32;
const MAX_SECOND = MAX_EPOCH_MS / SECOND_MS;

const Count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const Name = v.pipe(v.string(), v.minLength(1), v.maxLength(200));

const Header = v.strictObject({
  shard: Name,
  source: v.picklist(['live', 'replay']),
  region: Name,
  epoch: Count,
  seq: Count,
  firstRow: Count,
  lastRow: Count,
  deltaRows: Count,
  ledgerRows: Count,
  rawEvents: Count,
  pendingEvents: Count,
  createdAtMs: Count,
  deltaBytes: Count,
  rawBytes: Count,
});

/** Bytes of a `deltas` record; ledger rows go in by region, term and second, whatever order they come in. */
export function encodeDeltasRecord(record: DeltasRecord): OwnedBytes {
  const writer = startRecord(KIND.deltas, record);
  writeHubLedger(writer, record.hubLedger);
  writer.bytes(record.deltas);
  return writer.finish();
}

/** The `deltas` record in `bytes`; throws `corrupt_bytes` for anything else. */
export function decodeDeltasRecord(bytes: Uint8Array): DeltasRecord {
  const reader = new ByteReader(bytes);
  const { digest, header } = readStart(KIND.deltas, reader);
  const hubLedger = readHubLedger(reader);
  return { header, digest, hubLedger, deltas: reader.take(reader.remaining) };
}

/** Bytes of a `raw-events` record. */
export function encodeRawRecord(record: RawRecord): OwnedBytes {
  const writer = startRecord(KIND.raw, record);
  writer.bytes(record.raw);
  return writer.finish();
}

/** The `raw-events` record in `bytes`; throws `corrupt_bytes` for anything else. */
export function decodeRawRecord(bytes: Uint8Array): RawRecord {
  const reader = new ByteReader(bytes);
  const { digest, header } = readStart(KIND.raw, reader);
  return { header, digest, raw: reader.take(reader.remaining) };
}

/** The header is JSON on purpose: any Kafka tool then shows whose record it is, and it is small beside a section. */
function startRecord(kind: number, record: { readonly header: FrameHeader; readonly digest: FrameDigest }): ByteWriter {
  assert(/^[0-9a-f]{64}$/.test(record.digest), 'a frame digest is 64 hex digits');
  const writer = new ByteWriter(1_024);
  writer.u8(LOG_RECORD_VERSION);
  writer.u8(kind);
  for (let i = 0; i < DIGEST_BYTES; i += 1) writer.u8(Number.parseInt(record.digest.slice(2 * i, 2 * i + 2), 16));
  writer.string(JSON.stringify(record.header));
  return writer;
}

function readStart(kind: number, reader: ByteReader): { digest: FrameDigest; header: FrameHeader } {
  if (reader.u8() !== LOG_RECORD_VERSION) corrupt('unknown log record version');
  if (reader.u8() !== kind) corrupt('a log record of another kind');
  const digest = hexOf(reader.take(DIGEST_BYTES));
  const text = reader.string();
  try {
    return { digest, header: v.parse(Header, JSON.parse(text)) };
  } catch (cause) {
    return corrupt('log record header', cause);
  }
}

function writeHubLedger(writer: ByteWriter, rows: readonly HubLedgerRow[]): void {
  const groups = Map.groupBy(rows, ({ region, term }) => JSON.stringify([region, term]));
  writer.varint(groups.size);
  for (const key of [...groups.keys()].sort()) writeLedgerGroup(writer, groups.get(key) ?? []);
}

function writeLedgerGroup(writer: ByteWriter, rows: readonly HubLedgerRow[]): void {
  const sorted = rows.toSorted((a, b) => a.receivedSecond - b.receivedSecond);
  writer.string(sorted[0]?.region ?? '');
  writer.string(sorted[0]?.term ?? '');
  writer.varint(sorted.length);
  let previous = 0;
  for (const { receivedSecond, count } of sorted) {
    writer.varint(receivedSecond - previous);
    writer.varint(count);
    previous = receivedSecond;
  }
}

function readHubLedger(reader: ByteReader): HubLedgerRow[] {
  const rows: HubLedgerRow[] = [];
  const groups = reader.count(3);
  for (let group = 0; group < groups; group += 1) {
    const region = reader.string();
    const term = reader.string();
    const count = reader.count(2);
    let receivedSecond = 0;
    for (let i = 0; i < count; i += 1) {
      receivedSecond += reader.varint();
      if (receivedSecond > MAX_SECOND) corrupt('a ledger row after the end of time');
      rows.push({ region, term, receivedSecond, count: reader.varint() });
    }
  }
  return rows;
}

function hexOf(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

/** Field list, pinned by `log-record.test.ts`. */
export const LOG_RECORD_FORMAT = {
  version: LOG_RECORD_VERSION,
  kinds: KIND,
  fields: ['u8 version', 'u8 kind', '32 B SHA-256 of the frame', 'string header JSON', 'deltas only: hub ledger', 'section, to the end'],
  header: Object.keys(Header.entries),
  hubLedger: ['varint groups', 'string region', 'string term', 'varint rows', 'varint second (difference)', 'varint count'],
} as const;
