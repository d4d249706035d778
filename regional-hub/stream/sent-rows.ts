import type { QueryRow } from '../query/rows.ts';

/** Rows remembered for one reader; past that all are forgotten and some are sent again, which does no harm. */
export const SENT_ROWS_MAX = 20_000;

/** What one reader already has, so that looking back does not repeat it. */
export class SentRows {
  readonly #keyColumns: readonly string[];
  readonly #latest = new Map<string, string>();

  constructor(dimensions: readonly string[]) {
    this.#keyColumns = ['window', ...dimensions];
  }

  /** The rows that differ from what was sent last under their window and dimensions; they are sent now. */
  onlyNew(rows: readonly QueryRow[]): readonly QueryRow[] {
    if (this.#latest.size + rows.length > SENT_ROWS_MAX) this.#latest.clear();
    return rows.filter((row) => this.#isNews(row));
  }

  #isNews(row: QueryRow): boolean {
    const key = JSON.stringify(this.#keyColumns.map((column) => row[column]));
    const text = JSON.stringify(row);
    if (this.#latest.get(key) === text) return false;
    this.#latest.set(key, text);
    return true;
  }
}
