import { DISPOSITIONS, dispositionName } from '../disposition.ts';
import { assert } from '../errors.ts';
import type { LedgerRow } from './cell.ts';
import { IntIndex } from './int-index.ts';
import type { StringNumbers } from './string-numbers.ts';

const STAGES = ['edge', 'shard'] as const satisfies readonly LedgerRow['stage'][];
const WORD = { stage: 0, region: 1, second: 2, term: 3 } as const;
const CODES = Math.max(...Object.values(DISPOSITIONS)) + 1;

/** Terms of the ledger by (stage, region, received second, term), summed. */
export class LedgerTable {
  readonly #strings: StringNumbers;
  readonly #region: string;
  readonly #rows = new IntIndex(4);
  #counts: number[] = [];
  readonly #key = new Int32Array(4);
  /** Events of one received second by disposition, which are in no row yet: nearly all of a batch share the second. */
  readonly #counted = new Float64Array(CODES);
  #countedSecond = 0;

  /** `region` is the shard's home region: its own terms are booked there. */
  constructor(strings: StringNumbers, region: string) {
    this.#strings = strings;
    this.#region = region;
  }

  get size(): number {
    this.#bookCounted();
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

  /** Adds one event that the shard judged. */
  count(receivedSecond: number, disposition: number): void {
    assert(disposition > 0 && disposition < CODES, 'a disposition has a code');
    if (receivedSecond !== this.#countedSecond) this.#bookCounted();
    this.#countedSecond = receivedSecond;
    this.#counted[disposition]!++;
  }

  /** Gives every row and begins again with none. */
  drain(): LedgerRow[] {
    this.#bookCounted();
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

  #bookCounted(): void {
    for (let code = 0; code < CODES; code++) {
      const count = this.#counted[code]!;
      if (count === 0) continue;
      const term = dispositionName(code);
      assert(term !== undefined, 'a disposition has a name');
      this.#counted[code] = 0;
      this.add({ stage: 'shard', region: this.#region, receivedSecond: this.#countedSecond, term, count });
    }
  }
}
