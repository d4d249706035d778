/**
 * Whether `length` bytes of `a`, and of `b` from `bOffset` on, are the same, in a time that does not depend on where they differ.
 * The only way in which this project compares secrets and tags.
 */
export function equalBytes(a: Uint8Array, b: Uint8Array, length: number, bOffset = 0): boolean {
  if (a.length < length || b.length < bOffset + length) return false;
  let difference = 0;
  for (let i = 0; i < length; i++) difference |= a[i]! ^ b[bOffset + i]!;
  return difference === 0;
}
