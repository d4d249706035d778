import type { LedgerRow } from './cell.ts';
import { IntIndex } from './int-index.ts';
import type { StringNumbers } from './string-numbers.ts';

const STAGES = ['edge', 'shard'] as const satisfies readonly LedgerRow['stage'][];
const WORD = { stage: 0, region: 1, second: 2, term: 3 } as const;

/** Terms of the ledger by (stage, region, received second, term), summed. */
export class LedgerTable {
  readonly #strings: StringNumbers;
  readonly #rows = new IntIndex(4);
  #counts: number[] = [];
  readonly #key = new Int32Array(4);

  constructor(strings: StringNumbers) {
    this.#strings = strings;
  }

  get size(): number {
    return this.#rows.size;
  }

  add({ stage, region, receivedSecond, term, count }: LedgerRow): void {
    const key = this.#key;
    key[WORD.stage] = STAGES.indexOf(stage);
    key[WORD.region] = this.#strings.numberOf(region);
    key[WORD.second] = receivedSecond;
    key[WORD.term] = this.#strings.numberOf(term);
    const row = this.#rows.rowOf(key);
    this.#counts[row] = (this.#counts[row] ?? 0) + count;
  }

  drain(): LedgerRow[] {
    const rows = this.#counts.map((count, row) => ({
      stage: STAGES[this.#rows.word(row, WORD.stage)]!,
      region: this.#strings.textOf(this.#rows.word(row, WORD.region)),
      receivedSecond: this.#rows.word(row, WORD.second) >>> 0,
      term: this.#strings.textOf(this.#rows.word(row, WORD.term)),
      count,
    }));
    this.#counts = [];
    this.#rows.clear();
    return rows;
  }
}
