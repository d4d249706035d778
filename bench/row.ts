/** What a row must reach. Ratios are those of the row's own reading to its baseline, both taken in the same run. */
export type Aim =
  /** value ÷ baseline. */
  | { readonly kind: 'faster'; readonly times: number }
  /** baseline ÷ value: smaller is better. */
  | { readonly kind: 'lower'; readonly times: number }
  /** value ÷ baseline, at most. */
  | { readonly kind: 'within'; readonly times: number }
  /** The value itself, in the row's unit. */
  | { readonly kind: 'atMost'; readonly limit: number }
  /** A figure to know, without a promise. */
  | { readonly kind: 'none' };

/** One line of the table. */
export type RowSpec = {
  readonly id: string;
  readonly what: string;
  readonly unit: string;
  /** What the baseline is; '' where there is none. */
  readonly baselineIs: string;
  readonly aim: Aim;
};

/** One reading of a row; `note` tells what a reader must know to believe it. */
export type Reading = { readonly value: number; readonly baseline: number | null; readonly note?: string };
/** Why a row could not be measured on this machine. */
export type Skipped = { readonly skipped: string };

/** Rows that are measured together, over one set of processes. */
export type Bench = {
  readonly rows: readonly RowSpec[];
  /** One reading a row, by id; a row that is missing was not asked for. `runs`: how often each side is measured, turn by turn. */
  measure(options: { readonly runs: number; readonly wanted: ReadonlySet<string> }): Promise<Readonly<Record<string, Reading | Skipped>>>;
};

/** A row as it is written to `--json`. */
export type RowResult = {
  readonly id: string;
  readonly value: number | null;
  readonly unit: string;
  readonly baseline: number | null;
  readonly ratio: number | null;
  readonly aim: string;
  readonly holds: boolean | null;
};

/** Judges a reading by its row's aim. */
export function resultOf(row: RowSpec, reading: Reading | Skipped | undefined): RowResult {
  const aim = aimText(row);
  if (reading === undefined || 'skipped' in reading) return { id: row.id, value: null, unit: row.unit, baseline: null, ratio: null, aim, holds: null };
  const { value, baseline } = reading;
  const ratio = ratioOf(row.aim, value, baseline);
  return { id: row.id, value, unit: row.unit, baseline, ratio, aim, holds: holds(row.aim, value, ratio) };
}

/** The aim as people read it. */
export function aimText({ aim, unit }: Pick<RowSpec, 'aim' | 'unit'>): string {
  switch (aim.kind) {
    case 'faster':
      return `≥ ${aim.times} ×`;
    case 'lower':
      return `≥ ${aim.times} × lower`;
    case 'within':
      return `≤ ${aim.times} ×`;
    case 'atMost':
      return `≤ ${aim.limit} ${unit}`;
    case 'none':
      return '–';
  }
}

function ratioOf(aim: Aim, value: number, baseline: number | null): number | null {
  if (baseline === null || baseline === 0 || value === 0) return null;
  return aim.kind === 'lower' ? baseline / value : value / baseline;
}

function holds(aim: Aim, value: number, ratio: number | null): boolean | null {
  switch (aim.kind) {
    case 'faster':
    case 'lower':
      return ratio !== null && ratio >= aim.times;
    case 'within':
      return ratio !== null && ratio <= aim.times;
    case 'atMost':
      return value <= aim.limit;
    case 'none':
      return null;
  }
}
