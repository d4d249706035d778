import { badRequest } from '../http/request-error.ts';
import type { Dimension } from './dimensions.ts';
import { bigintOf, type EngineRow } from './engine.ts';
import { measuresOf } from './metrics.ts';
import type { QueryRequest, RowKey } from './query-request.ts';
import { ROWS_MAX } from './request.ts';
import { keyOf, queryRow, type QueryRow } from './rows.ts';
import { hiddenCells, isViewerDimension, VIEWER_DIMENSIONS, type Cell } from './suppression.ts';
import type { WindowQuestion } from './window-rows.ts';

/** A page of rows that a tenant may see, how many cells were withheld on the way to its end, and where the next page begins. */
export type BreakdownPage = { readonly rows: readonly QueryRow[]; readonly suppressed: number; readonly next: RowKey | null };

/** Sorts after every value of a dimension. */
const PAST_ALL = '\uffff';

type Shape = Pick<QueryRequest, 'groupBy' | 'filters'>;

/** True when a question tells viewers apart, by its rows or by its filters. */
export function isViewerBreakdown(shape: Shape): boolean {
  return cellDimensions(shape).some(isViewerDimension);
}

/**
 * What must be asked so that cells can be judged: all of the breakdown that the rows or the filters speak of. A filter on viewers picks among
 * cells that were judged beside all others; one that the engine applied would leave each alone, and show it.
 */
export function cellsQuestion(question: WindowQuestion): WindowQuestion {
  return {
    ...question,
    groupBy: cellDimensions(question),
    filters: question.filters.filter(({ dimension }) => !isViewerDimension(dimension)),
    measures: [...new Set([...question.measures, 'unique_users' as const])],
  };
}

/**
 * What must be asked for a page of a breakdown: all cells from its first window on. Which cells are withheld depends on all siblings of a
 * window; a page alone would show the second smallest cell, and with the total the smallest.
 */
export function wholeWindowsQuestion(question: WindowQuestion): WindowQuestion {
  const fromSecond = Math.max(question.range.fromSecond, question.after?.windowSecond ?? 0);
  return { ...question, range: { ...question.range, fromSecond }, after: null, limit: ROWS_MAX };
}

/**
 * Withholds first, then picks what the filters ask for, then cuts the page. `found` are the rows of `wholeWindowsQuestion` of `cellsQuestion`.
 * A row is the sum of its visible cells; its number of people is null where they are several, for people cannot be summed.
 * Throws `RequestError` 400 for a window of more than `ROWS_MAX` cells.
 */
export function breakdownPage(found: readonly EngineRow[], request: QueryRequest, minUsers: number): BreakdownPage {
  const cells = wholeWindows(found);
  const rows: QueryRow[] = [];
  let suppressed = 0;
  let end: { next: RowKey; suppressed: number } | null = null;
  for (const { key, visible, withheld } of pickedRows(cells, request, minUsers)) {
    if (request.after !== null && !isAfter(key, request.after)) continue;
    const isShown = visible.length > 0 || withheld === 0;
    if (isShown && end !== null && rows.length === request.limit) return { rows, ...end };
    suppressed += withheld;
    if (!isShown) continue;
    rows.push(queryRow(sumOf(visible, request), request));
    end = { next: key, suppressed };
  }
  const lastCell = cells.at(-1);
  const isMore = cells.length < found.length && lastCell !== undefined;
  return { rows, suppressed, next: isMore ? { ...keyOf(lastCell, request), dimensions: request.groupBy.map(() => PAST_ALL) } : null };
}

/** Which of the engine's rows a tenant may not see, a flag each: all cells of their windows must be there. `groupBy`: the question's own dimensions. */
export function hiddenRows(cells: readonly EngineRow[], request: Pick<QueryRequest, 'groupBy'>, minUsers: number): readonly boolean[] {
  return hiddenCells(cells.map((row) => cellOf(row, request)), minUsers);
}

/** The engine gives one row more than it was asked for when there are more: then its last window may lack some. */
function wholeWindows(found: readonly EngineRow[]): readonly EngineRow[] {
  if (found.length <= ROWS_MAX) return found;
  const cutWindow = found.at(-1)?.['window_second'];
  const whole = found.filter((row) => row['window_second'] !== cutWindow);
  if (whole.length === 0) throw badRequest(`more than ${ROWS_MAX} cells in one window: group by less, or filter by what was sold (filters on viewers leave the cells as many)`, 'too_many_cells');
  return whole;
}

/** A row of the reply as the cells that the filters pick for it. */
type PickedRow = { readonly key: RowKey; readonly visible: EngineRow[]; withheld: number };

/** In the order of the reply, which is the engine's: a request's own dimensions come first in its cells. */
function pickedRows(cells: readonly EngineRow[], request: QueryRequest, minUsers: number): Iterable<PickedRow> {
  const hidden = hiddenRows(cells, request, minUsers);
  const rows = new Map<string, PickedRow>();
  const rowOf = (key: RowKey): PickedRow => {
    const name = JSON.stringify(key);
    const row = rows.get(name) ?? { key, visible: [], withheld: 0 };
    rows.set(name, row);
    return row;
  };
  // A total without dimensions always has one row, be it of zeros.
  if (request.granularity === 'total' && request.groupBy.length === 0) rowOf(keyOf({}, request));
  for (const [index, cell] of cells.entries()) {
    if (!isPicked(cell, request)) continue;
    const row = rowOf(keyOf(cell, request));
    if (hidden[index]) row.withheld += 1;
    else row.visible.push(cell);
  }
  return rows.values();
}

/** The request's own dimensions, then the viewer dimensions that it only filters by. */
function cellDimensions({ groupBy, filters }: Shape): readonly Dimension[] {
  return [...new Set([...groupBy, ...filters.map(({ dimension }) => dimension).filter(isViewerDimension)])];
}

function cellOf(row: EngineRow, { groupBy }: Pick<QueryRequest, 'groupBy'>): Cell {
  const sold = groupBy.filter((dimension) => !isViewerDimension(dimension));
  const viewer = VIEWER_DIMENSIONS.filter((dimension) => row[dimension] !== undefined);
  return {
    table: JSON.stringify([row['window_second'], ...sold.map((dimension) => row[dimension])]),
    at: viewer.map((dimension) => String(row[dimension])),
    users: Number(row['unique_users']),
  };
}

function isPicked(row: EngineRow, { filters }: QueryRequest): boolean {
  return filters.every(({ dimension, values }) => !isViewerDimension(dimension) || values.includes(String(row[dimension])));
}

function sumOf(cells: readonly EngineRow[], request: QueryRequest): EngineRow {
  const [only] = cells;
  if (only !== undefined && cells.length === 1) return only;
  const measures = request.metrics.flatMap(measuresOf).filter((measure) => measure !== 'unique_users');
  const sums = measures.map((measure) => [measure, cells.reduce((sum, cell) => sum + bigintOf(cell[measure]), 0n)] as const);
  return { ...only, ...Object.fromEntries(sums), unique_users: only === undefined ? 0 : null };
}

/** The engine's order: by window, then by each dimension's bytes (all of them ASCII). */
function isAfter(key: RowKey, other: RowKey): boolean {
  if (key.windowSecond !== other.windowSecond) return key.windowSecond > other.windowSecond;
  const at = key.dimensions.findIndex((value, index) => value !== other.dimensions[index]);
  return at >= 0 && (key.dimensions[at] ?? '') > (other.dimensions[at] ?? '');
}
