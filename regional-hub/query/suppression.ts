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
const VIEWER_DIMENSIONS: ReadonlySet<Dimension> = new Set<Dimension>(['country', 'device_type']);

/** A number of people as a tenant may see it: null where it is small enough to point at somebody. */
export function visibleUsers<Count>(users: Count, minUsers: number): Count | null {
  const count = Number(users);
  return count > 0 && count < minUsers ? null : users;
}

/** A cell of a result: which group of siblings it belongs to (their sum is known elsewhere), and how many people are in it. */
export type Cell = { readonly siblings: string; readonly users: number };

/** True when a query tells viewers apart, by its rows or by its filters. */
export function isViewerBreakdown(dimensions: readonly Dimension[]): boolean {
  return dimensions.some((dimension) => VIEWER_DIMENSIONS.has(dimension));
}

/** The dimensions whose cells share a total that a tenant can ask for. */
export function siblingDimensions(groupBy: readonly Dimension[]): readonly Dimension[] {
  return groupBy.filter((dimension) => !VIEWER_DIMENSIONS.has(dimension));
}

/**
 * Which cells must be hidden: those of fewer than `minUsers` people, and, where a group would hide only one (its siblings
 * and their known total would give it away), the next smallest beside it. Returns one flag per cell.
 */
export function hiddenCells(cells: readonly Cell[], minUsers: number): readonly boolean[] {
  const hidden = cells.map(({ users }) => users < minUsers);
  for (const members of groupsOf(cells).values()) {
    const hiddenMembers = members.filter((index) => hidden[index]);
    if (hiddenMembers.length !== 1) continue;
    const shown = members.filter((index) => !hidden[index]);
    const smallest = shown.toSorted((a, b) => (cells[a]?.users ?? 0) - (cells[b]?.users ?? 0))[0];
    if (smallest !== undefined) hidden[smallest] = true;
  }
  return hidden;
}

function groupsOf(cells: readonly Cell[]): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  cells.forEach(({ siblings }, index) => {
    const members = groups.get(siblings);
    if (members === undefined) groups.set(siblings, [index]);
    else members.push(index);
  });
  return groups;
}
