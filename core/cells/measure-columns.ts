import { CELL_MEASURES } from './cell-columns.ts';

const MEASURES = CELL_MEASURES.length;
const COST = CELL_MEASURES.indexOf('costNanos');
const INITIAL_ROWS = 256;
const KEPT_ROWS = 65_536;

/** The counters of numbered rows, side by side in one array of whole numbers. */
export class MeasureColumns {
  #values = new Float64Array(INITIAL_ROWS * MEASURES);

  /** Adds to row `row`; a row begins at zero. */
  add(row: number, count: number, billable: number, viewable: number, late: number, costNanos: number): void {
    const at = row * MEASURES;
    if (at >= this.#values.length) this.#grow(at);
    const values = this.#values;
    values[at] = values[at]! + count;
    values[at + 1] = values[at + 1]! + billable;
    values[at + 2] = values[at + 2]! + viewable;
    values[at + 3] = values[at + 3]! + late;
    values[at + 4] = values[at + 4]! + costNanos;
  }

  /** Whether so much more keeps the cost of row `row` a safe integer. */
  canAdd(row: number, costNanos: number): boolean {
    const at = row * MEASURES + COST;
    return at >= this.#values.length || Number.isSafeInteger(this.#values[at]! + costNanos);
  }

  /** The counters of the first `rowCount` rows, in the order of `CELL_MEASURES`: a copy. */
  firstRows(rowCount: number): Float64Array {
    return this.#values.slice(0, rowCount * MEASURES);
  }

  clear(): void {
    if (this.#values.length > KEPT_ROWS * MEASURES) this.#values = new Float64Array(INITIAL_ROWS * MEASURES);
    else this.#values.fill(0);
  }

  #grow(at: number): void {
    const values = new Float64Array(Math.max(this.#values.length * 2, at + MEASURES));
    values.set(this.#values);
    this.#values = values;
  }
}
