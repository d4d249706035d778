import type { Dimension } from './dimensions.ts';

/** How few people a cell may speak of before a tenant does not see it. Source: DESIGN §2, privacy. */
export type MinCellUsers = {
  /** For numbers of people alone. */
  readonly clicksOnly: number;
  /** For cells that say where people are or what they hold. */
  readonly viewerBreakdown: number;
};

export const DEFAULT_MIN_CELL_USERS: MinCellUsers = { clicksOnly: 10, viewerBreakdown: 50 };

/** Dimensions that describe viewers, not what was sold. */
export const VIEWER_DIMENSIONS = ['country', 'device_type'] as const satisfies readonly Dimension[];

/** A number of people as a tenant may see it: null where it is small enough to point at somebody. */
export function visibleUsers<Count>(users: Count, minUsers: number): Count | null {
  const count = Number(users);
  return count > 0 && count < minUsers ? null : users;
}

/** True for a dimension that describes viewers. */
export function isViewerDimension(dimension: Dimension): boolean {
  return (VIEWER_DIMENSIONS as readonly Dimension[]).includes(dimension);
}

/** A cell of a breakdown by viewers, and how many people are in it. */
export type Cell = {
  /** What the cells beside it share: their window, and what was sold. A tenant can ask for the sum of each table. */
  readonly table: string;
  /** Its value of each viewer dimension of the breakdown, in the order of `VIEWER_DIMENSIONS`. */
  readonly at: readonly string[];
  readonly users: number;
};

/**
 * Which cells must be hidden: those of fewer than `minUsers` people, and, where a line of a table would hide only one (the others and the
 * line's sum would give it away), the next smallest beside it. Returns one flag per cell. The same cells in any order, and named for any
 * order of dimensions, have the same flags: two questions that hid different cells would tell each other's.
 */
export function hiddenCells(cells: readonly Cell[], minUsers: number): readonly boolean[] {
  const hidden = cells.map(({ users }) => users < minUsers);
  const lines = linesOf(cells);
  // Rows and columns first: what they hide mostly serves the whole table too.
  const pending = [...lines.values()].toSorted((a, b) => a.length - b.length);
  for (const members of pending) {
    const shown = members.filter((index) => !hidden[index]);
    if (shown.length === 0 || members.length - shown.length !== 1) continue;
    const smallest = shown.reduce((least, index) => (usersOf(cells, index) < usersOf(cells, least) ? index : least));
    hidden[smallest] = true;
    pending.push(...namesOfLines(cells[smallest] as Cell).map((name) => lines.get(name) as number[]));
  }
  return hidden;
}

/** Cells whose sum can be asked for, by the name of their line; members in one order, whatever the order of `cells`. */
function linesOf(cells: readonly Cell[]): ReadonlyMap<string, readonly number[]> {
  const lines = new Map<string, number[]>();
  const names = cells.map(({ at }) => JSON.stringify(at));
  const order = cells.map((_, index) => index).toSorted((a, b) => compare(names[a] ?? '', names[b] ?? ''));
  for (const index of order) {
    for (const name of namesOfLines(cells[index] as Cell)) {
      const members = lines.get(name);
      if (members === undefined) lines.set(name, [index]);
      else members.push(index);
    }
  }
  return lines;
}

/** A cell's table; where two dimensions divide it, also its row and its column. */
function namesOfLines({ table, at }: Cell): readonly string[] {
  const across = at.length > 1 ? at.map((_, along) => JSON.stringify([table, along, at.toSpliced(along, 1)])) : [];
  return [JSON.stringify([table]), ...across];
}

function usersOf(cells: readonly Cell[], index: number): number {
  return cells[index]?.users ?? 0;
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
