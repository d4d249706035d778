/**
 * Row numbers by (second, ad), ties in the order given: what lies together compresses together. Sorted as plain numbers,
 * which is five times faster than by a comparator.
 */
export function orderBySecondAndAd(seconds: Uint32Array, adOf: Uint32Array): Uint32Array {
  const count = seconds.length;
  const rankOf = rankSeconds(seconds);
  const adCount = greatest(adOf) + 1;
  if (rankOf.size * adCount * count > Number.MAX_SAFE_INTEGER) return Uint32Array.from({ length: count }, (_, row) => row);
  const keys = new Float64Array(count);
  for (let i = 0; i < count; i++) keys[i] = (rankOf.get(seconds[i]!)! * adCount + adOf[i]!) * count + i;
  keys.sort();
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[i] = keys[i]! % count;
  return order;
}

function greatest(numbers: Uint32Array): number {
  let max = 0;
  for (let i = 0; i < numbers.length; i++) if (numbers[i]! > max) max = numbers[i]!;
  return max;
}

function rankSeconds(seconds: Uint32Array): Map<number, number> {
  const distinct = new Set<number>();
  for (let i = 0; i < seconds.length; i++) distinct.add(seconds[i]!);
  return new Map([...distinct].sort((a, b) => a - b).map((second, rank) => [second, rank]));
}
