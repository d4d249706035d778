import { CELL_MEASURES, CELL_WORD, CELL_WORDS } from '../../core/cells/cell-columns.ts';
import type { CellColumns, ViewerSlices } from '../../core/cells/cell-columns.ts';
import { assert } from '../../core/errors.ts';
import type { ByteWriter } from './byte-writer.ts';
import { HAS_VIEWERS, MAX_DELTA_ROWS, USUAL } from './delta-cells.ts';
import { orderBySecondAndAd } from './delta-order.ts';
import type { StringInterner } from './dimension-table.ts';
import { TupleTable } from './tuple-table.ts';

/** Tables of what rows share, then one column after another. */
export const DELTA_COLUMN_FIELDS = [
  'count ads: advertiser, campaign, ad, creative',
  'count places: publisher, placement',
  'count audiences: country, device',
  'count outcomes: u8 kind, u8 disposition, u8 reason',
  'count rows',
  'signed second step',
  'ad',
  'place',
  'audience',
  'outcome',
  'u8 measure mask',
  'measures where not usual: signed count, billable, viewable, late, costNanos',
  'viewer counts, viewers',
] as const;

const MEASURES = CELL_MEASURES.length;
const USUALS = CELL_MEASURES.map((measure) => USUAL[measure]);
const UNKNOWN = -1;

/** Appends all rows, which were asserted when their columns were made. Strings go to `strings`, which is written elsewhere. */
export function writeDeltaColumns(writer: ByteWriter, cells: CellColumns, strings: StringInterner): void {
  assert(cells.rowCount <= MAX_DELTA_ROWS, 'a frame holds so many cells');
  const { seconds, tables, columns } = intern(cells, strings);
  const writeIndex = (index: number): void => writer.varint(index);
  for (const table of [tables.ads, tables.places, tables.audiences]) table.write(writer, writeIndex);
  tables.outcomes.write(writer, (code) => writer.u8(code));
  const order = orderBySecondAndAd(seconds, columns.ads);
  writer.varint(cells.rowCount);
  writeSeconds(writer, seconds, order);
  for (const column of [columns.ads, columns.places, columns.audiences, columns.outcomes]) {
    for (let n = 0; n < order.length; n++) writer.varint(column[order[n]!]!);
  }
  writeMasks(writer, cells, order);
  for (let m = 0; m < MEASURES; m++) writeMeasure(writer, cells.measures, order, m);
  writeViewers(writer, cells.viewers, order);
}

/** Numbers what rows share, strings and tuples in order of first use. */
function intern({ rowCount, keys, texts }: CellColumns, strings: StringInterner) {
  const known = new Int32Array(texts.length).fill(UNKNOWN);
  const text = (at: number): number => {
    const number = keys[at]!;
    return known[number] === UNKNOWN ? (known[number] = strings.index(texts[number]!)) : known[number]!;
  };
  const tables = { ads: new TupleTable(4), places: new TupleTable(2), audiences: new TupleTable(2), outcomes: new TupleTable(3) };
  const column = (): Uint32Array => new Uint32Array(rowCount);
  const columns = { ads: column(), places: column(), audiences: column(), outcomes: column() };
  const seconds = column();
  for (let i = 0; i < rowCount; i++) {
    const at = i * CELL_WORDS;
    const outcome = keys[at + CELL_WORD.outcome]!;
    seconds[i] = keys[at + CELL_WORD.second]!;
    columns.ads[i] = tables.ads.index(text(at + CELL_WORD.advertiser), text(at + CELL_WORD.campaign), text(at + CELL_WORD.ad), text(at + CELL_WORD.creative));
    columns.places[i] = tables.places.index(text(at + CELL_WORD.publisher), text(at + CELL_WORD.placement));
    columns.audiences[i] = tables.audiences.index(text(at + CELL_WORD.country), text(at + CELL_WORD.device));
    columns.outcomes[i] = tables.outcomes.index(outcome >> 16, (outcome >> 8) & 0xff, outcome & 0xff);
  }
  return { seconds, tables, columns };
}

function writeSeconds(writer: ByteWriter, seconds: Uint32Array, order: Uint32Array): void {
  let previous = 0;
  for (let n = 0; n < order.length; n++) {
    const second = seconds[order[n]!]!;
    writer.signed(second - previous);
    previous = second;
  }
}

function writeMasks(writer: ByteWriter, { measures, viewers }: CellColumns, order: Uint32Array): void {
  for (let n = 0; n < order.length; n++) {
    const row = order[n]!;
    let mask = viewers.starts[row]! < viewers.starts[row + 1]! ? HAS_VIEWERS : 0;
    for (let m = 0; m < MEASURES; m++) if (measures[row * MEASURES + m] !== USUALS[m]) mask |= 1 << m;
    writer.u8(mask);
  }
}

function writeMeasure(writer: ByteWriter, measures: Float64Array, order: Uint32Array, m: number): void {
  for (let n = 0; n < order.length; n++) {
    const value = measures[order[n]! * MEASURES + m]!;
    if (value !== USUALS[m]) writer.signed(value);
  }
}

/** Counts of the rows that have any, then the hashes as they are. */
function writeViewers(writer: ByteWriter, { starts, halves }: ViewerSlices, order: Uint32Array): void {
  for (let n = 0; n < order.length; n++) {
    const count = starts[order[n]! + 1]! - starts[order[n]!]!;
    if (count > 0) writer.varint(count);
  }
  for (let n = 0; n < order.length; n++) {
    const end = starts[order[n]! + 1]! * 2;
    for (let at = starts[order[n]!]! * 2; at < end; at++) writer.u32(halves[at]!);
  }
}
