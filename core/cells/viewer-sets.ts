import type { ViewerSlices } from './cell-columns.ts';
import { IntIndex } from './int-index.ts';

const WORD = { row: 0, lo: 1, hi: 2 } as const;

/** The distinct viewers of each numbered row. */
export class ViewerSets {
  readonly #members = new IntIndex(3);
  readonly #key = new Int32Array(3);

  /** Nobody (0, 0) is not a viewer. */
  add(row: number, lo: number, hi: number): void {
    if (lo === 0 && hi === 0) return;
    this.#key[WORD.row] = row;
    this.#key[WORD.lo] = lo;
    this.#key[WORD.hi] = hi;
    this.#members.rowOf(this.#key);
  }

  /** The viewers of `rowCount` rows. Begins again with none. */
  drain(rowCount: number): ViewerSlices {
    const starts = this.#startsByRow(rowCount);
    const next = starts.slice();
    const halves = new Uint32Array(this.#members.size * 2);
    for (let member = 0; member < this.#members.size; member++) {
      const at = next[this.#members.word(member, WORD.row)]!++ * 2;
      halves[at] = this.#members.word(member, WORD.lo);
      halves[at + 1] = this.#members.word(member, WORD.hi);
    }
    this.#members.clear();
    sortSlices(halves, starts);
    return { starts, halves };
  }

  #startsByRow(rowCount: number): Uint32Array {
    const starts = new Uint32Array(rowCount + 1);
    for (let member = 0; member < this.#members.size; member++) starts[this.#members.word(member, WORD.row) + 1]!++;
    for (let row = 0; row < rowCount; row++) starts[row + 1]! += starts[row]!;
    return starts;
  }
}

/** Pairs of little-endian halves are 64-bit numbers, which typed arrays sort without boxing. */
function sortSlices(halves: Uint32Array<ArrayBuffer>, starts: Uint32Array): void {
  for (let row = 0; row + 1 < starts.length; row++) {
    const pairs = starts[row + 1]! - starts[row]!;
    if (pairs > 1) new BigUint64Array(halves.buffer, starts[row]! * 8, pairs).sort();
  }
}
