import { IntIndex } from '../../core/cells/int-index.ts';
import type { ByteWriter } from './byte-writer.ts';

/** Each tuple of small numbers once, numbered in order of first use. */
export class TupleTable {
  readonly #width: number;
  readonly #rows: IntIndex;
  readonly #key: Int32Array;

  constructor(width: number) {
    this.#width = width;
    this.#rows = new IntIndex(width);
    this.#key = new Int32Array(width);
  }

  /** The number of this tuple; it has as many parts as the table is wide. */
  index(first: number, second: number, third = 0, fourth = 0): number {
    const key = this.#key;
    key[0] = first;
    key[1] = second;
    if (this.#width > 2) key[2] = third;
    if (this.#width > 3) key[3] = fourth;
    return this.#rows.rowOf(key);
  }

  /** Count, then the tuples, each part by `writePart`. */
  write(writer: ByteWriter, writePart: (part: number) => void): void {
    writer.varint(this.#rows.size);
    for (let row = 0; row < this.#rows.size; row++) {
      for (let part = 0; part < this.#width; part++) writePart(this.#rows.word(row, part));
    }
  }
}
