import { assert } from '../errors.ts';
import type { CellDimensions } from '../judgement/judgement.ts';
import type { CellChange } from './bookable.ts';
import type { DeltaRow, ViewerHashes } from './cell.ts';
import { ascends, assertDelta, deltaFault } from './delta.ts';
import { StringNumbers } from './string-numbers.ts';

/** Words of a cell's key. Dimensions are numbers of texts; the outcome is `kind << 16 | disposition << 8 | reason`. */
export const CELL_WORD = { second: 0, advertiser: 1, campaign: 2, ad: 3, creative: 4, publisher: 5, placement: 6, country: 7, device: 8, outcome: 9 } as const;
export const CELL_WORDS = 10;
const DIMENSION_WORDS = [
  [CELL_WORD.advertiser, 'advertiserId'],
  [CELL_WORD.campaign, 'campaignId'],
  [CELL_WORD.ad, 'adId'],
  [CELL_WORD.creative, 'creativeId'],
  [CELL_WORD.publisher, 'publisherId'],
  [CELL_WORD.placement, 'placementId'],
  [CELL_WORD.country, 'country'],
  [CELL_WORD.device, 'deviceType'],
] as const satisfies readonly (readonly [number, keyof CellDimensions])[];
/** The counters of a cell, in order. */
export const CELL_MEASURES = ['count', 'billable', 'viewable', 'late', 'costNanos'] as const satisfies readonly (keyof CellChange)[];

/** Viewers of numbered rows: row `i` has the pairs `starts[i]` to `starts[i + 1]` of `halves`, [lo, hi] each, ascending by their 64 bits. */
export type ViewerSlices = { readonly starts: Uint32Array; readonly halves: Uint32Array };

/** Delta rows without an object for each: what one table held when it was drained. */
export type CellColumns = {
  readonly rowCount: number;
  /** `CELL_WORDS` a row, by `CELL_WORD`. */
  readonly keys: Int32Array;
  /** As many a row as there are `CELL_MEASURES`. */
  readonly measures: Float64Array;
  readonly viewers: ViewerSlices;
  /** By number; beyond what the rows name there may be more. */
  readonly texts: readonly string[];
};

/** The columns of these rows, in their order; each is asserted. */
export function cellColumnsOf(rows: readonly DeltaRow[]): CellColumns {
  const strings = new StringNumbers();
  const keys = new Int32Array(rows.length * CELL_WORDS);
  const measures = new Float64Array(rows.length * CELL_MEASURES.length);
  const starts = new Uint32Array(rows.length + 1);
  const halves = new Uint32Array(rows.reduce((sum, { viewers }) => sum + (viewers?.length ?? 0), 0));
  for (const [i, row] of rows.entries()) {
    assertDelta(row);
    const at = i * CELL_WORDS;
    keys[at + CELL_WORD.second] = row.second;
    for (const [word, dimension] of DIMENSION_WORDS) keys[at + word] = strings.numberOf(row.dimensions[dimension]);
    keys[at + CELL_WORD.outcome] = (row.kind << 16) | (row.disposition << 8) | row.reason;
    for (const [m, measure] of CELL_MEASURES.entries()) measures[i * CELL_MEASURES.length + m] = row[measure];
    halves.set(row.viewers ?? [], starts[i]! * 2);
    starts[i + 1] = starts[i]! + (row.viewers?.length ?? 0) / 2;
  }
  return { rowCount: rows.length, keys, measures, viewers: { starts, halves }, texts: strings.texts };
}

/** Row `i` of the columns. */
export function deltaRowAt(cells: CellColumns, i: number): DeltaRow {
  const texts = DIMENSION_WORDS.map(([word, dimension]) => [dimension, cells.texts[cells.keys[i * CELL_WORDS + word]!]!]);
  return { ...factsAt(scratchRow(), cells, i), dimensions: Object.fromEntries(texts) as CellDimensions, viewers: viewersAt(cells.viewers, i) };
}

/** Believes in every row, as `assertDelta` does. */
export function assertCells(cells: CellColumns): void {
  const row = scratchRow();
  const { starts, halves } = cells.viewers;
  for (let i = 0; i < cells.rowCount; i++) {
    factsAt(row, cells, i);
    row.viewers = starts[i]! < starts[i + 1]! ? SOMEBODY : null;
    const fault = deltaFault(row);
    if (fault !== null) assert(false, `delta row: ${fault}`);
    assert(ascends(halves, starts[i]! * 2, starts[i + 1]! * 2), 'delta row: viewers ascend');
  }
}

type ScratchRow = { -readonly [Field in keyof DeltaRow]: DeltaRow[Field] };

const NOWHERE = { advertiserId: '', campaignId: '', adId: '', creativeId: '', publisherId: '', placementId: '', country: '', deviceType: '' };
const SOMEBODY: ViewerHashes = Uint32Array.of(1, 0);

function scratchRow(): ScratchRow {
  return { second: 0, dimensions: NOWHERE, kind: 0, disposition: 0, reason: 0, count: 0, billable: 0, viewable: 0, late: 0, costNanos: 0, viewers: null };
}

/** Fills in all that is a number. */
function factsAt(row: ScratchRow, { keys, measures }: CellColumns, i: number): ScratchRow {
  const outcome = keys[i * CELL_WORDS + CELL_WORD.outcome]!;
  const at = i * CELL_MEASURES.length;
  row.second = keys[i * CELL_WORDS + CELL_WORD.second]! >>> 0;
  row.kind = outcome >> 16;
  row.disposition = (outcome >> 8) & 0xff;
  row.reason = outcome & 0xff;
  row.count = measures[at]!;
  row.billable = measures[at + 1]!;
  row.viewable = measures[at + 2]!;
  row.late = measures[at + 3]!;
  row.costNanos = measures[at + 4]!;
  return row;
}

function viewersAt({ starts, halves }: ViewerSlices, i: number): ViewerHashes | null {
  return starts[i] === starts[i + 1] ? null : halves.subarray(starts[i]! * 2, starts[i + 1]! * 2);
}
