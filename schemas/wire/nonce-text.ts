/**
 * A token's nonce as an event id: 128 bits as 22 base64url characters. On the wire it is its 16 bytes again.
 */
export const NONCE_BYTES = 16;
const NONCE_CHARS = 22;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const VALUES = valuesByCharCode();
const CHAR_CODES = Array.from(ALPHABET, (char) => char.charCodeAt(0));
/** Scratch of `unpackNonce`. */
const codes = Array.from({ length: NONCE_CHARS }, () => 0);

/** Writes the nonce's bytes to `out` from `offset`; false (and nothing that matters written) when `text` is not a canonical nonce. */
export function packNonce(text: string, out: Uint8Array, offset: number): boolean {
  if (text.length !== NONCE_CHARS) return false;
  let at = offset;
  for (let i = 0; i < 20; i += 4) {
    const bits = (valueAt(text, i) << 18) | (valueAt(text, i + 1) << 12) | (valueAt(text, i + 2) << 6) | valueAt(text, i + 3);
    if (bits < 0) return false;
    out[at++] = bits >> 16;
    out[at++] = bits >> 8;
    out[at++] = bits;
  }
  const last = (valueAt(text, 20) << 6) | valueAt(text, 21);
  if (last < 0 || (last & 0x0f) !== 0) return false;
  out[at] = last >> 4;
  return true;
}

/** The 22 characters of the 16 bytes at `offset`. */
export function unpackNonce(bytes: Uint8Array, offset: number): string {
  let at = 0;
  for (let i = offset; i < offset + 15; i += 3) {
    const bits = (bytes[i]! << 16) | (bytes[i + 1]! << 8) | bytes[i + 2]!;
    codes[at++] = CHAR_CODES[bits >> 18]!;
    codes[at++] = CHAR_CODES[(bits >> 12) & 63]!;
    codes[at++] = CHAR_CODES[(bits >> 6) & 63]!;
    codes[at++] = CHAR_CODES[bits & 63]!;
  }
  const last = bytes[offset + 15]!;
  codes[at++] = CHAR_CODES[last >> 2]!;
  codes[at] = CHAR_CODES[(last & 3) << 4]!;
  return String.fromCharCode.apply(null, codes);
}

/** Negative for a character outside the alphabet, so that one test of the combined bits finds it. */
function valueAt(text: string, index: number): number {
  const code = text.charCodeAt(index);
  return code < 128 ? VALUES[code]! : -1;
}

function valuesByCharCode(): Int8Array {
  const values = new Int8Array(128).fill(-1);
  for (let i = 0; i < ALPHABET.length; i++) values[ALPHABET.charCodeAt(i)] = i;
  return values;
}
