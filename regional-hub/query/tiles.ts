import { assert } from '../../core/errors.ts';

/** A half-open range of whole seconds since 1970. */
export type SecondRange = { readonly fromSecond: number; readonly toSecond: number };

/** The tables that hold counts, and how long a window of each is. */
export const TABLES = { 1: 'deltas', 60: 'rollup_1m', 3600: 'rollup_1h', 86400: 'rollup_1d' } as const;
export type StepSeconds = keyof typeof TABLES;
/** Fine to coarse. */
export const STEPS: readonly StepSeconds[] = [1, 60, 3600, 86400];

/** A part of a range, and the step of the table that answers for it. */
export type Tile = SecondRange & { readonly stepSeconds: StepSeconds };

/**
 * Cuts a range into tiles, in order and without overlap: its middle is read from the table of the coarsest allowed step, its
 * ragged edges from finer ones, down to the second. So a total over a year that begins at 10:07:03 is exact and cheap.
 */
export function tilesOf(range: SecondRange, coarsest: StepSeconds): readonly Tile[] {
  assert(range.fromSecond <= range.toSecond, 'a range runs forwards');
  const tiles = cut(range, STEPS.indexOf(coarsest));
  return tiles.length > 0 ? tiles : [{ ...range, stepSeconds: 1 }];
}

function cut(range: SecondRange, stepIndex: number): Tile[] {
  const stepSeconds = STEPS[stepIndex];
  if (stepSeconds === undefined || range.fromSecond >= range.toSecond) return [];
  const middleFrom = Math.ceil(range.fromSecond / stepSeconds) * stepSeconds;
  const middleTo = Math.floor(range.toSecond / stepSeconds) * stepSeconds;
  if (middleFrom >= middleTo) return cut(range, stepIndex - 1);
  return [
    ...cut({ fromSecond: range.fromSecond, toSecond: middleFrom }, stepIndex - 1),
    { fromSecond: middleFrom, toSecond: middleTo, stepSeconds },
    ...cut({ fromSecond: middleTo, toSecond: range.toSecond }, stepIndex - 1),
  ];
}
