/** The middle one; of an even number the upper of the two. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** The value below which a share of them lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** The reading whose ratio is the median: its two absolutes belong together. */
export function medianPair(pairs: readonly { readonly value: number; readonly baseline: number }[]): { value: number; baseline: number } {
  const sorted = pairs.toSorted((a, b) => a.value / a.baseline - b.value / b.baseline);
  return sorted[sorted.length >> 1] ?? { value: Number.NaN, baseline: Number.NaN };
}

/** 12 345 and 1.23: three digits are enough for anything measured. */
export function short(value: number): string {
  if (value >= 10_000) return Math.round(value).toLocaleString('en').replaceAll(',', ' ');
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
