/**
 * The mixer that ClickHouse applies to a `UInt64` before `uniqCombined64` stores it (MurmurHash3's fmix64). A bijection:
 * distinct viewers stay distinct. In 32-bit halves, because BigInt is twenty times slower.
 */
export function mix64(lo: number, hi: number, out: Uint32Array, at: number): void {
  out[at] = lo ^ (hi >>> 1);
  out[at + 1] = hi;
  multiply(out, at, 0xed558ccd, 0xff51afd7);
  out[at]! ^= out[at + 1]! >>> 1;
  multiply(out, at, 0x1a85ec53, 0xc4ceb9fe);
  out[at]! ^= out[at + 1]! >>> 1;
}

/** The pair at `at` times a 64-bit number, modulo 2^64. */
function multiply(pair: Uint32Array, at: number, lo: number, hi: number): void {
  const pairLo = pair[at]!;
  const carried = highProduct(pairLo, lo) + Math.imul(pair[at + 1]!, lo) + Math.imul(pairLo, hi);
  pair[at] = Math.imul(pairLo, lo);
  pair[at + 1] = carried;
}

/** Upper 32 bits of the product of two unsigned 32-bit numbers, modulo 2^32. */
function highProduct(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const other = aLow * bHigh + (middle & 0xffff);
  return aHigh * bHigh + Math.floor(middle / 0x10000) + (other >>> 16);
}
