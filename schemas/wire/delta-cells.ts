import type { DeltaRow } from '../../core/cells/cell.ts';
import { CELL_MEASURES } from '../../core/cells/cell-columns.ts';
import { isCellCount, isSecond, mayMove, outcomeFault, type Outcome } from '../../core/cells/delta.ts';
import type { CellDimensions } from '../../core/judgement/judgement.ts';
import { type ByteReader, corrupt } from './byte-reader.ts';
import { readViewers, type ViewerColumn } from './viewer-column.ts';

type Measure = (typeof CELL_MEASURES)[number];
/** What most rows say, and what is therefore not written out. */
export const USUAL: { readonly [M in Measure]: number } = { count: 1, billable: 0, viewable: 0, late: 0, costNanos: 0 };
/** Bits of a row's mask: one for each of `CELL_MEASURES`, set where it is not `USUAL`, and this where there are viewers. */
export const HAS_VIEWERS = 1 << CELL_MEASURES.length;
/** Fields of the tables, in the order of writing. */
export const TABLE_FIELDS = {
  ads: ['advertiserId', 'campaignId', 'adId', 'creativeId'],
  places: ['publisherId', 'placementId'],
  audiences: ['country', 'deviceType'],
  outcomes: ['kind', 'disposition', 'reason'],
} as const satisfies Record<string, readonly (keyof CellDimensions | keyof Outcome)[]>;
/** Five indices or steps and a mask. */
const MIN_ROW_BYTES = 6;
/** Several times the largest `maxCells`, as a last batch may bring tens of thousands more; beyond, a section would fill the hub's memory. */
export const MAX_DELTA_ROWS = 262_144;

/** Values that come together, each combination once: row `i` has `values[field][of[i]]`. */
export type Combinations<Field extends string, Value> = { readonly values: { readonly [F in Field]: readonly Value[] }; readonly of: Uint32Array };

/** The rows whose value is not the usual one, ascending, and their values. */
export type UnusualValues = { readonly rows: Uint32Array; readonly values: Float64Array };

/** Cells column by column, as they lie on the wire: what many rows share is here once. Each row passes `deltaFault`. */
export type DeltaCells = {
  readonly rowCount: number;
  /** Since 1970. */
  readonly seconds: Uint32Array;
  readonly ads: Combinations<(typeof TABLE_FIELDS.ads)[number], string>;
  readonly places: Combinations<(typeof TABLE_FIELDS.places)[number], string>;
  readonly audiences: Combinations<(typeof TABLE_FIELDS.audiences)[number], string>;
  readonly outcomes: Combinations<(typeof TABLE_FIELDS.outcomes)[number], number>;
  readonly measures: { readonly [M in Measure]: UnusualValues };
  readonly viewers: ViewerColumn;
};

/** Reads what `writeDeltaColumns` wrote. What a table holds is checked once and not for every row that points to it. Throws `corrupt_bytes`. */
export function readDeltaCells(reader: ByteReader, strings: readonly string[]): DeltaCells {
  const text = (): string => strings[reader.varint()] ?? corrupt('string is not in the table');
  const ads = readTable(reader, TABLE_FIELDS.ads, text);
  const places = readTable(reader, TABLE_FIELDS.places, text);
  const audiences = readTable(reader, TABLE_FIELDS.audiences, text);
  const outcomes = readTable(reader, TABLE_FIELDS.outcomes, () => reader.u8());
  const mayHave = permittedMasks(outcomes);
  const rowCount = reader.count(MIN_ROW_BYTES);
  if (rowCount > MAX_DELTA_ROWS) corrupt(`${rowCount} cells are above the limit`);
  const seconds = readSeconds(reader, rowCount);
  const pointed = <F extends string, V>({ values, size }: Table<F, V>): Combinations<F, V> => ({ values, of: reader.indices(rowCount, size, 'table index') });
  const tables = { ads: pointed(ads), places: pointed(places), audiences: pointed(audiences), outcomes: pointed(outcomes) };
  const masks = reader.take(rowCount);
  const rowsWithBit = checkMasks(masks, tables.outcomes.of, mayHave);
  const measures = readMeasures(reader, masks, rowsWithBit);
  const viewers = readViewers(reader, { masks, bit: HAS_VIEWERS, rows: rowsWithBit[CELL_MEASURES.length]! });
  return { rowCount, seconds, ...tables, measures, viewers };
}

/** The same cells as rows, one object each. */
export function rowsOfCells(cells: DeltaCells): DeltaRow[] {
  const { ads, places, audiences, outcomes, viewers } = cells;
  const measures = Object.fromEntries(CELL_MEASURES.map((measure) => [measure, everyValue(cells, measure)])) as { [M in Measure]: Float64Array };
  const pick = <F extends string, V>({ values, of }: Combinations<F, V>, fields: readonly F[], i: number) =>
    Object.fromEntries(fields.map((field) => [field, values[field][of[i]!]!])) as Record<F, V>;
  let firstHalf = 0;
  return Array.from({ length: cells.rowCount }, (_, i): DeltaRow => {
    const halves = viewers.halves.subarray(firstHalf, (firstHalf += 2 * viewers.counts[i]!));
    return {
      second: cells.seconds[i]!,
      dimensions: { ...pick(ads, TABLE_FIELDS.ads, i), ...pick(places, TABLE_FIELDS.places, i), ...pick(audiences, TABLE_FIELDS.audiences, i) },
      ...pick(outcomes, TABLE_FIELDS.outcomes, i),
      count: measures.count[i]!,
      billable: measures.billable[i]!,
      viewable: measures.viewable[i]!,
      late: measures.late[i]!,
      costNanos: measures.costNanos[i]!,
      viewers: halves.length === 0 ? null : halves,
    };
  });
}

type Table<Field extends string, Value> = { readonly values: Record<Field, Value[]>; readonly size: number };

function readTable<Field extends string, Value>(reader: ByteReader, fields: readonly Field[], readValue: () => Value): Table<Field, Value> {
  const size = reader.count(fields.length);
  if (size > MAX_DELTA_ROWS) corrupt(`a table of ${size} is above the limit`);
  const columns = fields.map((): Value[] => []);
  for (let i = 0; i < size; i++) for (const column of columns) column.push(readValue());
  return { values: Object.fromEntries(fields.map((field, f) => [field, columns[f]!])) as Record<Field, Value[]>, size };
}

/** By outcome, the mask bits that its rows may have. */
function permittedMasks({ values, size }: Table<keyof Outcome, number>): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => {
    const outcome: Outcome = { kind: values.kind[i]!, disposition: values.disposition[i]!, reason: values.reason[i]! };
    const fault = outcomeFault(outcome);
    if (fault !== null) corrupt(fault);
    let mask = mayMove(outcome, 'viewers') ? HAS_VIEWERS : 0;
    for (const [m, measure] of CELL_MEASURES.entries()) if (measure === 'count' || mayMove(outcome, measure)) mask |= 1 << m;
    return mask;
  });
}

/** Refuses what an outcome cannot have; says how many rows have each bit of the mask. */
function checkMasks(masks: Uint8Array, outcomeOf: Uint32Array, mayHave: Uint8Array): number[] {
  const rowsByMask = new Uint32Array(2 * HAS_VIEWERS);
  for (let i = 0; i < masks.length; i++) {
    const mask = masks[i]!;
    if ((mask & ~mayHave[outcomeOf[i]!]!) !== 0) corrupt('a cell has what its outcome cannot have');
    rowsByMask[mask]!++;
  }
  const counts = Array.from({ length: CELL_MEASURES.length + 1 }, () => 0);
  for (let mask = 0; mask < rowsByMask.length; mask++) {
    for (let bit = 0; bit < counts.length; bit++) if ((mask & (1 << bit)) !== 0) counts[bit]! += rowsByMask[mask]!;
  }
  return counts;
}

function readSeconds(reader: ByteReader, rowCount: number): Uint32Array {
  const seconds = new Uint32Array(rowCount);
  let second = 0;
  for (let i = 0; i < rowCount; i++) {
    const step = reader.signed();
    second += step;
    // Rows come by second: most are in that of the row before.
    if (step !== 0 && !isSecond(second)) corrupt(`second ${second}`);
    seconds[i] = second;
  }
  return seconds;
}

function readMeasures(reader: ByteReader, masks: Uint8Array, rowsWithBit: readonly number[]): DeltaCells['measures'] {
  const read = CELL_MEASURES.map((measure, m): [Measure, UnusualValues] => [measure, readUnusual(reader, rowsWith(masks, 1 << m, rowsWithBit[m]!), measure)]);
  return Object.fromEntries(read) as DeltaCells['measures'];
}

function readUnusual(reader: ByteReader, rows: Uint32Array, measure: Measure): UnusualValues {
  const values = new Float64Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const value = reader.signed();
    if (value === USUAL[measure]) corrupt('a usual measure is written out');
    values[i] = measure === 'costNanos' || isCellCount(value) ? value : corrupt(`${measure} ${value}`);
  }
  return { rows, values };
}

function rowsWith(masks: Uint8Array, bit: number, count: number): Uint32Array {
  const rows = new Uint32Array(count);
  for (let i = 0, at = 0; at < count; i++) if ((masks[i]! & bit) !== 0) rows[at++] = i;
  return rows;
}

function everyValue({ rowCount, measures }: DeltaCells, measure: Measure): Float64Array {
  const { rows, values } = measures[measure];
  const every = new Float64Array(rowCount).fill(USUAL[measure]);
  rows.forEach((row, i) => (every[row] = values[i]!));
  return every;
}
