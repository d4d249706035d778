import { badRequest } from '../http/request-error.ts';
import type { EngineRow } from './engine.ts';
import type { QueryRequest, RowKey } from './query-request.ts';
import { ROWS_MAX } from './request.ts';
import { keyOf, queryRow, type QueryRow } from './rows.ts';
import { hiddenCells, siblingDimensions } from './suppression.ts';
import type { WindowQuestion } from './window-rows.ts';

/** A page of cells that a tenant may see, how many were withheld on the way to its end, and where the next page begins. */
export type BreakdownPage = { readonly rows: readonly QueryRow[]; readonly suppressed: number; readonly next: RowKey | null };

/** Sorts after every value of a dimension. */
const PAST_ALL = '\uffff';

/**
 * What must be asked for a page of a breakdown: all cells from its first window on. Which cells are withheld depends on all siblings of a
 * window; a page alone would show the second smallest cell, and with the total the smallest.
 */
export function wholeWindowsQuestion(question: WindowQuestion): WindowQuestion {
  const fromSecond = Math.max(question.range.fromSecond, question.after?.windowSecond ?? 0);
  return { ...question, range: { ...question.range, fromSecond }, after: null, limit: ROWS_MAX };
}

/** Withholds first, then cuts the page. `found` are the rows of `wholeWindowsQuestion`. Throws `RequestError` 400 for a window of more than `ROWS_MAX` cells. */
export function breakdownPage(found: readonly EngineRow[], request: QueryRequest, minUsers: number): BreakdownPage {
  const cells = wholeWindows(found);
  const hidden = hiddenCells(cells.map((row) => cellOf(row, request)), minUsers);
  const rows: QueryRow[] = [];
  let suppressed = 0;
  let end: { next: RowKey; suppressed: number } | null = null;
  for (const [index, cell] of cells.entries()) {
    const key = keyOf(cell, request);
    if (request.after !== null && !isAfter(key, request.after)) continue;
    if (hidden[index]) {
      suppressed += 1;
    } else if (end !== null && rows.length === request.limit) {
      return { rows, ...end };
    } else {
      rows.push(queryRow(cell, request));
      end = { next: key, suppressed };
    }
  }
  const lastCell = cells.at(-1);
  const isMore = cells.length < found.length && lastCell !== undefined;
  return { rows, suppressed, next: isMore ? { ...keyOf(lastCell, request), dimensions: request.groupBy.map(() => PAST_ALL) } : null };
}

/** The engine gives one row more than it was asked for when there are more: then its last window may lack some. */
function wholeWindows(found: readonly EngineRow[]): readonly EngineRow[] {
  if (found.length <= ROWS_MAX) return found;
  const cutWindow = found.at(-1)?.['window_second'];
  const whole = found.filter((row) => row['window_second'] !== cutWindow);
  if (whole.length === 0) throw badRequest(`more than ${ROWS_MAX} cells in one window: group by less, or filter`, 'too_many_cells');
  return whole;
}

function cellOf(row: EngineRow, { groupBy }: QueryRequest): { siblings: string; users: number } {
  return { siblings: JSON.stringify([row['window_second'], ...siblingDimensions(groupBy).map((dimension) => row[dimension])]), users: Number(row['unique_users']) };
}

/** The engine's order: by window, then by each dimension's bytes (all of them ASCII). */
function isAfter(key: RowKey, other: RowKey): boolean {
  if (key.windowSecond !== other.windowSecond) return key.windowSecond > other.windowSecond;
  const at = key.dimensions.findIndex((value, index) => value !== other.dimensions[index]);
  return at >= 0 && (key.dimensions[at] ?? '') > (other.dimensions[at] ?? '');
}
