/**
 * SHA-256 in plain JavaScript. For the short messages of a redirect it beats the engine's own digest, which costs a promise and a
 * copy per call. Source: FIPS 180-4.
 */
export const SHA256_BYTES = 32;
export const SHA256_BLOCK_BYTES = 64;

/** The eight working words between two blocks. */
export type Sha256State = Int32Array;

const STATE_WORDS = 8;
const LENGTH_OFFSET_WORDS = 14;

// Fractional parts of the square roots of the first 8 primes, and of the cube roots of the first 64.
const INITIAL = new Int32Array([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]);
// prettier-ignore
const ROUND = new Int32Array([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
]);

/** The message schedule of the block at hand; scratch, meaningless between calls. */
const schedule = new Int32Array(64);

/** The digest of `message`, in a buffer of its own. */
export function sha256(message: Uint8Array): Uint8Array {
  const digest = new Uint8Array(SHA256_BYTES);
  finishSha256(startSha256(), message, message.length, 0, digest);
  return digest;
}

/** A state that has seen nothing, or a copy of one that has seen some whole blocks. */
export function startSha256(from: Sha256State = INITIAL): Sha256State {
  return new Int32Array(from);
}

/** Feeds the whole block at `offset` to `state`. */
export function absorbBlock(state: Sha256State, bytes: Uint8Array, offset: number): void {
  for (let word = 0; word < 16; word++) schedule[word] = bigEndianWord(bytes, offset + word * 4);
  compress(state);
}

/**
 * Feeds the first `length` bytes of `message` and the padding to `state`, which is spent by it, and writes the digest to `digest`.
 * `precedingBytes`: how much the state has seen before, a multiple of the block size.
 */
export function finishSha256(
  state: Sha256State,
  message: Uint8Array,
  length: number,
  precedingBytes: number,
  digest: Uint8Array,
): void {
  let offset = 0;
  for (; offset + SHA256_BLOCK_BYTES <= length; offset += SHA256_BLOCK_BYTES) absorbBlock(state, message, offset);
  absorbTail(state, message, offset, length, precedingBytes + length);
  for (let word = 0; word < STATE_WORDS; word++) {
    const value = state[word]!;
    digest[word * 4] = value >>> 24;
    digest[word * 4 + 1] = value >>> 16;
    digest[word * 4 + 2] = value >>> 8;
    digest[word * 4 + 3] = value;
  }
}

/** The last, partial block: the bytes left, one set bit, zeros, the length in bits. Needs a second block from 56 bytes on. */
function absorbTail(state: Sha256State, message: Uint8Array, start: number, end: number, totalBytes: number): void {
  schedule.fill(0, 0, 16);
  const left = end - start;
  const wholeWords = left >> 2;
  for (let word = 0; word < wholeWords; word++) schedule[word] = bigEndianWord(message, start + word * 4);
  schedule[wholeWords] = leftAlign(message, start + wholeWords * 4, end);
  if (wholeWords >= LENGTH_OFFSET_WORDS) {
    compress(state);
    schedule.fill(0, 0, LENGTH_OFFSET_WORDS);
  }
  schedule[14] = Math.floor(totalBytes / 0x2000_0000);
  schedule[15] = totalBytes << 3;
  compress(state);
}

/** Up to three bytes and the padding's set bit, as the high end of a word. */
function leftAlign(message: Uint8Array, start: number, end: number): number {
  switch (end - start) {
    case 0:
      return 0x8000_0000 | 0;
    case 1:
      return (message[start]! << 24) | 0x80_0000;
    case 2:
      return (message[start]! << 24) | (message[start + 1]! << 16) | 0x8000;
    default:
      return (message[start]! << 24) | (message[start + 1]! << 16) | (message[start + 2]! << 8) | 0x80;
  }
}

function bigEndianWord(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

/** Folds the sixteen words in `schedule` into `state`. Source: FIPS 180-4, 6.2.2. */
function compress(state: Sha256State): void {
  const w = schedule;
  for (let t = 16; t < 64; t++) {
    const w15 = w[t - 15]!;
    const w2 = w[t - 2]!;
    const s0 = ((w15 >>> 7) | (w15 << 25)) ^ ((w15 >>> 18) | (w15 << 14)) ^ (w15 >>> 3);
    const s1 = ((w2 >>> 17) | (w2 << 15)) ^ ((w2 >>> 19) | (w2 << 13)) ^ (w2 >>> 10);
    w[t] = (w[t - 16]! + s0 + w[t - 7]! + s1) | 0;
  }
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  let e = state[4]!;
  let f = state[5]!;
  let g = state[6]!;
  let h = state[7]!;
  for (let t = 0; t < 64; t++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + s1 + (g ^ (e & (f ^ g))) + ROUND[t]! + w[t]!) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (s0 + ((a & b) | (c & (a | b)))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  state[0] = state[0]! + a;
  state[1] = state[1]! + b;
  state[2] = state[2]! + c;
  state[3] = state[3]! + d;
  state[4] = state[4]! + e;
  state[5] = state[5]! + f;
  state[6] = state[6]! + g;
  state[7] = state[7]! + h;
}
