import type { DeltaRow, ViewerHashes } from './cell.ts';
import { assertDelta } from './delta.ts';

/** Names a cell: rows with one key add up. */
export function cellKey(row: DeltaRow): string {
  const d = row.dimensions;
  const texts = [d.advertiserId, d.campaignId, d.adId, d.creativeId, d.publisherId, d.placementId, d.country, d.deviceType];
  return JSON.stringify([row.second, ...texts, row.kind, row.disposition, row.reason]);
}

/**
 * Adds two sets of rows up, cell by cell, in the order of `cellKey`. Commutative and associative, and merging with nothing
 * only sorts, so deltas may come in any order and any grouping. Not idempotent: who delivers frames drops repeats.
 */
export function mergeDeltaRows(a: readonly DeltaRow[], b: readonly DeltaRow[]): DeltaRow[] {
  const cells = new Map<string, DeltaRow>();
  for (const row of [...a, ...b]) {
    const key = cellKey(row);
    const other = cells.get(key);
    cells.set(key, other === undefined ? row : addRows(other, row));
  }
  return [...cells].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, row]) => row);
}

function addRows(a: DeltaRow, b: DeltaRow): DeltaRow {
  const sum: DeltaRow = {
    ...a,
    count: a.count + b.count,
    billable: a.billable + b.billable,
    viewable: a.viewable + b.viewable,
    late: a.late + b.late,
    costNanos: a.costNanos + b.costNanos,
    viewers: mergeViewers(a.viewers, b.viewers),
  };
  assertDelta(sum);
  return sum;
}

/** Union of two ascending sets. */
function mergeViewers(a: ViewerHashes | null, b: ViewerHashes | null): ViewerHashes | null {
  if (a === null || b === null) return a ?? b;
  const merged = new Uint32Array(a.length + b.length);
  let at = 0;
  for (let i = 0, j = 0; i < a.length || j < b.length; at += 2) {
    const order = i >= a.length ? 1 : j >= b.length ? -1 : compareAt(a, i, b, j);
    const from = order <= 0 ? a : b;
    const index = order <= 0 ? i : j;
    merged[at] = from[index]!;
    merged[at + 1] = from[index + 1]!;
    if (order <= 0) i += 2;
    if (order >= 0) j += 2;
  }
  return merged.slice(0, at);
}

function compareAt(a: ViewerHashes, i: number, b: ViewerHashes, j: number): number {
  return a[i + 1]! - b[j + 1]! || a[i]! - b[j]!;
}
