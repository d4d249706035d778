import { TrackingError } from '../../core/errors.ts';

/** Bytes that own an `ArrayBuffer` of their own, as `fetch` and SQL want them. */
export type OwnedBytes = Uint8Array<ArrayBuffer>;

const encoder = new TextEncoder();
/** Keeps a byte order mark, so that every string comes back as it went. */
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const lenientDecoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });

const INITIAL_BYTES = 256;
/** 7 bits a byte: eight bytes hold 2^53. */
const MAX_VARINT_BYTES = 8;
/** Up to here a loop over char codes beats the platform's decoder. */
const SHORT_STRING_BYTES = 64;

/** Refuses input that no writer of ours can have made. */
export function corrupt(what: string, cause?: unknown): never {
  throw new TrackingError('corrupt_bytes', what, cause === undefined ? {} : { cause });
}

/** How many bytes `ByteWriter.varint` will use. */
export function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}

/** Text of UTF-8 bytes that were checked elsewhere; a bad sequence becomes U+FFFD, never an exception. */
export function lenientText(bytes: Uint8Array): string {
  return asciiText(bytes, 0, bytes.length) ?? lenientDecoder.decode(bytes);
}

/** A growing little-endian buffer. Every value has one encoding only. */
export class ByteWriter {
  #bytes: OwnedBytes;
  #view: DataView;
  #length = 0;

  constructor(initialBytes: number = INITIAL_BYTES) {
    this.#bytes = new Uint8Array(Math.max(initialBytes, 16));
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  u16(value: number): void {
    this.#reserve(2);
    this.#view.setUint16(this.#length, value, true);
    this.#length += 2;
  }

  u32(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
  }

  f64(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  /** A whole number from 0 to 2^53 − 1, seven bits a byte, low bits first. */
  varint(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not a varint: ${value}`);
    this.#reserve(MAX_VARINT_BYTES);
    this.#varintBody(value);
  }

  /** A whole number of either sign: bit 6 of the first byte is the sign, the rest as `varint`. */
  signed(value: number): void {
    if (!Number.isSafeInteger(value)) throw new RangeError(`not a whole number: ${value}`);
    this.#reserve(MAX_VARINT_BYTES + 1);
    const magnitude = Math.abs(value);
    const rest = Math.floor(magnitude / 0x40);
    this.#bytes[this.#length++] = (magnitude % 0x40) | (value < 0 ? 0x40 : 0) | (rest > 0 ? 0x80 : 0);
    if (rest > 0) this.#varintBody(rest);
  }

  /** UTF-8 with its byte length before it. */
  string(text: string): void {
    this.#reserve(text.length + MAX_VARINT_BYTES);
    const start = this.#length;
    this.#varintBody(text.length);
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code >= 0x80) {
        this.#length = start;
        this.lengthAndBytes(encoder.encode(text));
        return;
      }
      this.#bytes[this.#length++] = code;
    }
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  lengthAndBytes(bytes: Uint8Array): void {
    this.varint(bytes.length);
    this.bytes(bytes);
  }

  /** Appends `bytes` zeros, to be filled through `view`; gives their offset in it. */
  block(bytes: number): number {
    this.#reserve(bytes);
    const at = this.#length;
    this.#bytes.fill(0, at, at + bytes);
    this.#length += bytes;
    return at;
  }

  /** Everything written so far, for `block`s to be filled; valid until the next write. */
  get view(): DataView {
    return this.#view;
  }

  /** What was written so far; valid until the next write. */
  written(): OwnedBytes {
    return this.#bytes.subarray(0, this.#length);
  }

  /** What was written, in a buffer of exactly that size: the writer's own where its first size was right. Ends the writer's use. */
  finish(): OwnedBytes {
    return this.#length === this.#bytes.length ? this.#bytes : this.#bytes.slice(0, this.#length);
  }

  /** Forgets what was written, and keeps the room. */
  clear(): void {
    this.#length = 0;
  }

  #varintBody(value: number): void {
    let rest = value;
    while (rest > 0x7fffffff) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/** Reads what `ByteWriter` wrote. Anything else (short, overlong, out of range) throws `TrackingError('corrupt_bytes')`. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;
  #end: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#end = bytes.length;
  }

  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.#end - this.#offset;
  }

  /** Reads on from `start` as if the bytes ended at `end`: one reader serves many small parts. */
  window(start: number, end: number): this {
    if (start > end || end > this.#bytes.length) corrupt(`a part ends at ${end} of ${this.#bytes.length} bytes`);
    this.#offset = start;
    this.#end = end;
    return this;
  }

  u8(): number {
    if (this.#offset >= this.#end) corrupt('a byte wanted, none left');
    return this.#bytes[this.#offset++]!;
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.#advance(8), true);
  }

  varint(): number {
    const first = this.u8();
    return first < 0x80 ? first : this.#continued(first & 0x7f, 0x80);
  }

  signed(): number {
    const first = this.u8();
    const low = first & 0x3f;
    const magnitude = first < 0x80 ? low : this.#continued(low, 0x40);
    if ((first & 0x40) === 0) return magnitude;
    return magnitude === 0 ? corrupt('minus zero') : -magnitude;
  }

  /** How many things follow, refused when they could not fit at `minBytesEach` in what is left: nothing is allocated for a lie. */
  count(minBytesEach: number): number {
    const count = this.varint();
    if (count * minBytesEach > this.remaining) corrupt(`${count} items claimed, ${this.remaining} bytes left`);
    return count;
  }

  /** A whole number below `limit`. */
  below(limit: number, what: string): number {
    const value = this.varint();
    return value < limit ? value : corrupt(`${what} ${value} is not below ${limit}`);
  }

  /** `count` whole numbers below `limit`, which must be at most 2^32. */
  indices(count: number, limit: number, what: string): Uint32Array {
    const indices = new Uint32Array(count);
    const bytes = this.#bytes;
    for (let i = 0; i < count; i++) {
      const byte = this.#offset < this.#end ? bytes[this.#offset]! : 0x80;
      if (byte < 0x80 && byte < limit) this.#offset++;
      indices[i] = byte < 0x80 && byte < limit ? byte : this.below(limit, what);
    }
    return indices;
  }

  string(): string {
    return this.text(this.varint());
  }

  /** The next `length` bytes as text. */
  text(length: number): string {
    const start = this.#advance(length);
    const ascii = asciiText(this.#bytes, start, length);
    if (ascii !== undefined) return ascii;
    try {
      return strictDecoder.decode(this.#bytes.subarray(start, start + length));
    } catch (cause) {
      return corrupt('text is not UTF-8', cause);
    }
  }

  /** The next `length` bytes: a view, not a copy. */
  take(length: number): Uint8Array {
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  lengthAndBytes(): Uint8Array {
    return this.take(this.varint());
  }

  skip(length: number): void {
    this.#advance(length);
  }

  /** Refuses bytes after the end. */
  end(): void {
    if (this.remaining !== 0) corrupt(`${this.remaining} bytes after the end`);
  }

  #continued(low: number, firstScale: number): number {
    let value = low;
    let scale = firstScale;
    for (let bytes = 2; bytes <= MAX_VARINT_BYTES + 1; bytes++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      scale *= 0x80;
      if (byte >= 0x80) continue;
      if (byte === 0 || value > Number.MAX_SAFE_INTEGER) corrupt('varint is overlong or above 2^53');
      return value;
    }
    return corrupt('varint has no end');
  }

  #advance(length: number): number {
    const start = this.#offset;
    if (length > this.#end - start) corrupt(`${length} bytes wanted, ${this.#end - start} left`);
    this.#offset = start + length;
    return start;
  }
}

/** `CHAR_CODES[n]` is room for n characters: a plain array of the right length is what `fromCharCode` takes fastest. */
const CHAR_CODES: readonly number[][] = Array.from({ length: SHORT_STRING_BYTES + 1 }, (_, length) => Array.from({ length }, () => 0));

function asciiText(bytes: Uint8Array, start: number, length: number): string | undefined {
  if (length > SHORT_STRING_BYTES) return undefined;
  const codes = CHAR_CODES[length]!;
  for (let i = 0; i < length; i++) {
    const byte = bytes[start + i]!;
    if (byte >= 0x80) return undefined;
    codes[i] = byte;
  }
  return String.fromCharCode.apply(null, codes);
}
