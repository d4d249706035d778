import { parseIp, type IpAddress } from '../viewer/ip.ts';

/** Sorted, merged, inclusive ranges of one family: `starts[i] … ends[i]`. */
type Ranges<T> = { readonly starts: readonly T[]; readonly ends: readonly T[] };

/** The CIDR blocks that were understood, and how many were not. */
export type CidrSet = {
  has(address: IpAddress): boolean;
  readonly size: number;
  /** Lines that are no CIDR block: left out, for the operator to see. */
  readonly unreadable: number;
};

/** Builds a set of `a.b.c.d/n`, `x::y/n` or single addresses; a look-up is one binary search. */
export function cidrSet(blocks: readonly string[]): CidrSet {
  const v4: [number, number][] = [];
  const v6: [bigint, bigint][] = [];
  let unreadable = 0;
  for (const block of blocks) {
    const range = parseCidr(block);
    if (range === null) unreadable++;
    else if (range.family === 4) v4.push([range.first, range.last]);
    else v6.push([range.first, range.last]);
  }
  const ranges4 = merge(v4);
  const ranges6 = merge(v6);
  return {
    has: (address) => (address.family === 4 ? contains(ranges4, address.value) : contains(ranges6, address.value)),
    size: ranges4.starts.length + ranges6.starts.length,
    unreadable,
  };
}

type CidrRange = { family: 4; first: number; last: number } | { family: 6; first: bigint; last: bigint };

function parseCidr(block: string): CidrRange | null {
  const text = block.trim();
  const slash = text.indexOf('/');
  const address = parseIp(slash < 0 ? text : text.slice(0, slash));
  if (address === null) return null;
  const bits = slash < 0 ? '' : text.slice(slash + 1);
  if (slash >= 0 && !/^\d{1,3}$/.test(bits)) return null;
  if (address.family === 4) {
    const length = bits === '' ? 32 : Number(bits);
    if (length > 32) return null;
    const blockSize = 2 ** (32 - length);
    const first = Math.floor(address.value / blockSize) * blockSize;
    return { family: 4, first, last: first + blockSize - 1 };
  }
  const length = bits === '' ? 128 : Number(bits);
  if (length > 128) return null;
  const shift = BigInt(128 - length);
  const first = (address.value >> shift) << shift;
  return { family: 6, first, last: first + (1n << shift) - 1n };
}

function merge<T extends number | bigint>(pairs: readonly (readonly [T, T])[]): Ranges<T> {
  const sorted = pairs.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const starts: T[] = [];
  const ends: T[] = [];
  for (const [first, last] of sorted) {
    const previousEnd = ends.at(-1);
    if (previousEnd !== undefined && first <= previousEnd) {
      if (last > previousEnd) ends[ends.length - 1] = last;
    } else {
      starts.push(first);
      ends.push(last);
    }
  }
  return { starts, ends };
}

function contains<T extends number | bigint>({ starts, ends }: Ranges<T>, value: T): boolean {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (starts[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low > 0 && value <= ends[low - 1]!;
}
