/**
 * Base64url without padding, strictly: one text for each byte string, so that a text can be an identity.
 * Source: RFC 4648, section 5 and 3.5.
 */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const NOT_A_DIGIT = 0xff;

const DIGIT_OF = digitsByCode();
/** The two characters of each 12-bit number: one look-up for a byte and a half. */
const PAIRS = pairsOfCharacters();

/** How many bytes `charCount` characters stand for; -1 where no byte string has that many. */
export function base64UrlBytes(charCount: number): number {
  return charCount % 4 === 1 ? -1 : Math.floor((charCount * 3) / 4);
}

/** The text of the first `length` bytes. */
export function encodeBase64Url(bytes: Uint8Array, length: number = bytes.length): string {
  const whole = length - (length % 3);
  let text = '';
  for (let i = 0; i < whole; i += 3) {
    const bits = (bytes[i]! << 16) | (bytes[i + 1]! << 8) | bytes[i + 2]!;
    text += PAIRS[bits >>> 12]! + PAIRS[bits & 0xfff]!;
  }
  if (length - whole === 1) text += PAIRS[bytes[whole]! << 4]!;
  if (length - whole === 2) {
    const bits = (bytes[whole]! << 10) | (bytes[whole + 1]! << 2);
    text += PAIRS[bits >>> 6]! + ALPHABET[bits & 0x3f]!;
  }
  return text;
}

/** The bytes of `text`, or null for padding, a foreign character, an impossible length or stray bits at the end. */
export function decodeBase64Url(text: string): Uint8Array | null {
  const bytes = new Uint8Array(Math.max(0, base64UrlBytes(text.length)));
  return decodeBase64UrlInto(text, bytes) < 0 ? null : bytes;
}

/** As `decodeBase64Url`, into a buffer that the caller keeps: the number of bytes written, -1 for a bad text or too small a buffer. */
export function decodeBase64UrlInto(text: string, bytes: Uint8Array): number {
  const length = base64UrlBytes(text.length);
  if (length < 0 || length > bytes.length) return -1;
  let foreign = 0;
  let bits = 0;
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = digitAt(text, i);
    foreign |= digit;
    bits = (bits << 6) | digit;
    if ((i & 3) === 3) {
      bytes[at++] = bits >>> 16;
      bytes[at++] = bits >>> 8;
      bytes[at++] = bits;
      bits = 0;
    }
  }
  if (foreign & 0x80) return -1;
  return decodeTail(bits, length - at, bytes, at) ? length : -1;
}

/** One or two last bytes; the bits below them must be zero, or several texts would mean the same bytes. */
function decodeTail(bits: number, left: number, bytes: Uint8Array, at: number): boolean {
  if (left === 1) {
    bytes[at] = bits >>> 4;
    return (bits & 0xf) === 0;
  }
  if (left === 2) {
    bytes[at] = bits >>> 10;
    bytes[at + 1] = bits >>> 2;
    return (bits & 0x3) === 0;
  }
  return true;
}

function digitAt(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code < 128 ? DIGIT_OF[code]! : NOT_A_DIGIT;
}

function digitsByCode(): Uint8Array {
  const digits = new Uint8Array(128).fill(NOT_A_DIGIT);
  for (let digit = 0; digit < ALPHABET.length; digit++) digits[ALPHABET.charCodeAt(digit)] = digit;
  return digits;
}

function pairsOfCharacters(): string[] {
  return Array.from({ length: 4096 }, (_, bits) => ALPHABET[bits >>> 6]! + ALPHABET[bits & 0x3f]!);
}
