import type { DeltaRow, LedgerRow } from '../../core/cells/cell.ts';
import { cellColumnsOf, type CellColumns } from '../../core/cells/cell-columns.ts';
import { ledgerFault } from '../../core/cells/delta.ts';
import { assert } from '../../core/errors.ts';
import { keepAlive } from '../../core/keep-alive.ts';
import { ByteReader, corrupt } from './byte-reader.ts';
import { ByteWriter, type OwnedBytes } from './byte-writer.ts';
import { readDeltaCells, rowsOfCells, type DeltaCells } from './delta-cells.ts';
import { DELTA_COLUMN_FIELDS, writeDeltaColumns } from './delta-columns.ts';
import { StringInterner, readInterned, readStringTable } from './dimension-table.ts';

export const DELTA_SECTION_VERSION = 1;
/** Stage, second, region, term, count: one byte each at least. */
const MIN_LEDGER_BYTES = 5;
/** A term is a region, a second and a name: a frame has hundreds. */
export const MAX_LEDGER_ROWS = 262_144;
const STAGES = ['edge', 'shard'] as const satisfies readonly LedgerRow['stage'][];

/** What one frame adds to the rollups and to the ledger. */
export type DeltaSection = { readonly rows: readonly DeltaRow[]; readonly ledger: readonly LedgerRow[] };

/** `encodeCellSection` for those who have rows; each is asserted. */
export function encodeDeltaSection({ rows, ledger }: DeltaSection): OwnedBytes {
  return encodeCellSection({ cells: cellColumnsOf(rows), ledger });
}

/** Cells and ledger, columnar: strings once, rows by second and ad, counters only where they are not the usual. Layout: `DELTA_SECTION_FORMAT`. */
export function encodeCellSection({ cells, ledger }: { readonly cells: CellColumns; readonly ledger: readonly LedgerRow[] }): OwnedBytes {
  const strings = keepAlive('section strings', new StringInterner());
  const body = new ByteWriter(64 + cells.rowCount * 24);
  writeDeltaColumns(body, cells, strings);
  writeLedger(body, ledger, strings);
  const writer = new ByteWriter(body.length + 1_024);
  writer.u8(DELTA_SECTION_VERSION);
  strings.write(writer);
  writer.bytes(body.written());
  return writer.finish();
}

/** Reads a delta section through, its cells left in columns. Throws `TrackingError('corrupt_bytes')`. */
export function openDeltaSection(bytes: Uint8Array): { cells: DeltaCells; ledger: LedgerRow[] } {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== DELTA_SECTION_VERSION) corrupt('unknown delta section version');
  const strings = readStringTable(reader);
  const cells = readDeltaCells(reader, strings);
  const ledger = readLedger(reader, strings);
  reader.end();
  return { cells, ledger };
}

/** As `openDeltaSection`, with an object for each cell: for those who look at rows. */
export function decodeDeltaSection(bytes: Uint8Array): { rows: DeltaRow[]; ledger: LedgerRow[] } {
  const { cells, ledger } = openDeltaSection(bytes);
  return { rows: rowsOfCells(cells), ledger };
}

function writeLedger(writer: ByteWriter, ledger: readonly LedgerRow[], strings: StringInterner): void {
  assert(ledger.length <= MAX_LEDGER_ROWS, 'a frame holds so many ledger rows');
  writer.varint(ledger.length);
  let previousSecond = 0;
  for (const row of ledger) {
    const fault = ledgerFault(row);
    assert(fault === null, `ledger row: ${fault}`);
    writer.u8(STAGES.indexOf(row.stage));
    writer.signed(row.receivedSecond - previousSecond);
    writer.varint(strings.index(row.region));
    writer.varint(strings.index(row.term));
    writer.signed(row.count);
    previousSecond = row.receivedSecond;
  }
}

function readLedger(reader: ByteReader, strings: readonly string[]): LedgerRow[] {
  const count = reader.count(MIN_LEDGER_BYTES);
  if (count > MAX_LEDGER_ROWS) corrupt(`${count} ledger rows are above the limit`);
  const ledger: LedgerRow[] = [];
  let second = 0;
  for (let i = 0; i < count; i++) {
    const stage = STAGES[reader.u8()] ?? corrupt('unknown ledger stage');
    second += reader.signed();
    const row: LedgerRow = {
      stage,
      region: readInterned(reader, strings),
      receivedSecond: second,
      term: readInterned(reader, strings),
      count: reader.signed(),
    };
    const fault = ledgerFault(row);
    ledger.push(fault === null ? row : corrupt(fault));
  }
  return ledger;
}

/** Field list, pinned by `wire-version.test.ts`. */
export const DELTA_SECTION_FORMAT = {
  version: DELTA_SECTION_VERSION,
  fields: ['u8 version', 'count strings', DELTA_COLUMN_FIELDS, 'count ledger: u8 stage, signed second step, region, term, signed count'],
} as const;
