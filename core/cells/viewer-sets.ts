import type { ViewerHashes } from './cell.ts';
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

  /** Viewers by row, ascending, undefined for none; all rows share one buffer. Begins again with none. */
  drain(rowCount: number): (ViewerHashes | undefined)[] {
    const ends = this.#startsByRow(rowCount);
    const halves = new Uint32Array(this.#members.size * 2);
    for (let member = 0; member < this.#members.size; member++) {
      const row = this.#members.word(member, WORD.row);
      const at = ends[row]! * 2;
      halves[at] = this.#members.word(member, WORD.lo);
      halves[at + 1] = this.#members.word(member, WORD.hi);
      ends[row]!++;
    }
    this.#members.clear();
    return sortedSlices(halves, ends);
  }

  #startsByRow(rowCount: number): Uint32Array {
    const starts = new Uint32Array(rowCount);
    for (let member = 0; member < this.#members.size; member++) starts[this.#members.word(member, WORD.row)]!++;
    let start = 0;
    for (let row = 0; row < rowCount; row++) {
      const count = starts[row]!;
      starts[row] = start;
      start += count;
    }
    return starts;
  }
}

/** Pairs of little-endian halves are 64-bit numbers, which typed arrays sort without boxing. */
function sortedSlices(halves: Uint32Array<ArrayBuffer>, ends: Uint32Array): (ViewerHashes | undefined)[] {
  const slices: (ViewerHashes | undefined)[] = [];
  let start = 0;
  for (const end of ends) {
    if (end - start > 1) new BigUint64Array(halves.buffer, start * 8, end - start).sort();
    slices.push(end > start ? halves.subarray(start * 2, end * 2) : undefined);
    start = end;
  }
  return slices;
}
