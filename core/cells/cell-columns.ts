import { assert } from '../errors.ts';
import type { CellChange } from './bookable.ts';
import type { DeltaRow, ViewerHashes } from './cell.ts';
import { deltaFault } from './delta.ts';

/** Words of a cell's key. Dimensions are numbers of texts; the outcome is `kind << 16 | disposition << 8 | reason`. */
export const CELL_WORD = { second: 0, advertiser: 1, campaign: 2, ad: 3, creative: 4, publisher: 5, placement: 6, country: 7, device: 8, outcome: 9 } as const;
export const CELL_WORDS = 10;
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

/** Row `i` of the columns. */
export function deltaRowAt(cells: CellColumns, i: number): DeltaRow {
  const text = (word: number): string => cells.texts[cells.keys[i * CELL_WORDS + word]!]!;
  const dimensions = {
    advertiserId: text(CELL_WORD.advertiser),
    campaignId: text(CELL_WORD.campaign),
    adId: text(CELL_WORD.ad),
    creativeId: text(CELL_WORD.creative),
    publisherId: text(CELL_WORD.publisher),
    placementId: text(CELL_WORD.placement),
    country: text(CELL_WORD.country),
    deviceType: text(CELL_WORD.device),
  };
  return { ...factsAt(scratchRow(), cells, i), dimensions, viewers: viewersAt(cells.viewers, i) };
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
    assert(pairsAscend(halves, starts[i]! * 2, starts[i + 1]! * 2), 'delta row: viewers ascend');
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

function pairsAscend(halves: Uint32Array, start: number, end: number): boolean {
  let previousLo = 0;
  let previousHi = 0;
  for (let at = start; at < end; at += 2) {
    const lo = halves[at]!;
    const hi = halves[at + 1]!;
    if (hi < previousHi || (hi === previousHi && lo <= previousLo)) return false;
    previousLo = lo;
    previousHi = hi;
  }
  return true;
}
