import type { DeltaRow } from '../../core/cells/cell.ts';
import { viewerStates } from '../../core/sketch/uniques.ts';
import { fillProvenance, pushDimensions, pushOutcome, type FrameOrigin } from '../../schemas/clickhouse/frame-blocks.ts';
import type { DELTA_COLUMNS } from '../../schemas/clickhouse/landing-tables.ts';
import type { Writers } from '../../schemas/clickhouse/native/block.ts';

type JsonRow = Omit<DeltaRow, 'viewers'> & { readonly viewers: readonly number[] };

/** Cells as JSON: an array of rows. */
export function jsonCells(rows: readonly DeltaRow[]): Uint8Array {
  return Buffer.from(JSON.stringify(rows.map((row): JsonRow => ({ ...row, viewers: [...(row.viewers ?? [])] }))));
}

/** The rows of `jsonCells`, unchecked. */
export function parseJsonCells(text: Uint8Array): JsonRow[] {
  return JSON.parse(Buffer.from(text.buffer, text.byteOffset, text.length).toString()) as JsonRow[];
}

/** What `addCells` does with a frame's cells, done with rows from JSON: the same block, filled row by row. */
export function addJsonCells(to: Writers<typeof DELTA_COLUMNS>, origin: FrameOrigin, rows: readonly JsonRow[]): void {
  fillProvenance(to, origin, rows.length);
  to.region.fill(origin.region, rows.length);
  for (const row of rows) {
    to.second.push(row.second);
    pushDimensions(to, row.dimensions);
    pushOutcome(to, row);
    to.count.push(row.count);
    to.billable.push(row.billable);
    to.viewable.push(row.viewable);
    to.late.push(row.late);
    to.cost_nanos.push(row.costNanos);
  }
  const counts = Uint32Array.from(rows, ({ viewers }) => viewers.length / 2);
  to.users.append(viewerStates(counts, Uint32Array.from(rows.flatMap(({ viewers }) => viewers))), rows.length);
}
