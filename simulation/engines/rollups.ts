import type { Cell, Row } from './native-block.ts';

export const ROLLUP_NAMES = ['rollup_1m', 'rollup_1h', 'rollup_1d'] as const;
export type RollupName = (typeof ROLLUP_NAMES)[number];

const SECONDS = { rollup_1m: 60, rollup_1h: 3_600, rollup_1d: 86_400 } as const;
const KEYS = ['advertiser_id', 'campaign_id', 'ad_id', 'creative_id', 'publisher_id', 'placement_id', 'country', 'device_type', 'region', 'kind', 'disposition', 'reason'] as const;
export const MEASURES = ['count', 'billable', 'viewable', 'late', 'cost_nanos'] as const;
export type Measure = (typeof MEASURES)[number];

/** What one window of one set of dimensions adds up to. */
export type RollupRow = { readonly window: number; readonly dimensions: Readonly<Record<(typeof KEYS)[number], string>>; readonly users: Uint8Array[] } & Record<Measure, number>;

/** What the view in front of a rollup makes of a block. */
export function fold(target: RollupName, rows: readonly Row[]): Row[] {
  const folded = new Map<string, Record<string, Cell> & { users: Uint8Array[] & Cell }>();
  for (const row of rows) {
    const time = Number(row['window'] ?? row['second']);
    const window = time - (time % SECONDS[target]);
    const name = nameOf(window, row);
    let sum = folded.get(name);
    if (sum === undefined) {
      sum = { window, users: [] as unknown as Uint8Array[] & Cell };
      for (const key of KEYS) sum[key] = row[key]!;
      for (const measure of MEASURES) sum[measure] = 0;
      folded.set(name, sum);
    }
    for (const measure of MEASURES) sum[measure] = Number(sum[measure]) + Number(row[measure]);
    const users = row['users'] as unknown as Uint8Array | Uint8Array[];
    sum.users.push(...(Array.isArray(users) ? users : [users]));
  }
  return [...folded.values()];
}

/** A store's, by name. */
export type Rollups = Readonly<Record<RollupName, Rollup>>;

/** A rollup table: rows of one key add up, as merges would have them. */
export class Rollup {
  readonly #rows = new Map<string, RollupRow>();

  add(rows: readonly Row[]): void {
    for (const row of rows) {
      const name = nameOf(Number(row['window']), row);
      let sum = this.#rows.get(name);
      if (sum === undefined) {
        const dimensions = Object.fromEntries(KEYS.map((key) => [key, String(row[key])])) as RollupRow['dimensions'];
        sum = { window: Number(row['window']), dimensions, users: [], count: 0, billable: 0, viewable: 0, late: 0, cost_nanos: 0 };
        this.#rows.set(name, sum);
      }
      for (const measure of MEASURES) sum[measure] += Number(row[measure]);
      sum.users.push(...(row['users'] as unknown as Uint8Array[]));
    }
  }

  get(window: number, row: Row): RollupRow | undefined {
    return this.#rows.get(nameOf(window, row));
  }

  rows(): RollupRow[] {
    return [...this.#rows.values()];
  }

  /** Everything but viewers, as sorted lines: equal tables give equal text. */
  lines(): string[] {
    return [...this.#rows].map(([name, row]) => `${name} ${MEASURES.map((measure) => row[measure]).join(' ')}`).sort();
  }
}

function nameOf(window: number, row: Row): string {
  return `${window} ${KEYS.map((key) => String(row[key])).join('|')}`;
}
