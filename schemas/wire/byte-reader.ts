import { TrackingError } from '../../core/errors.ts';
import { MAX_VARINT_BYTES } from './byte-writer.ts';

/** Keeps a byte order mark, so that every string comes back as it went. */
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const lenientDecoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });

/** Up to here a loop over char codes beats the platform's decoder. */
const SHORT_STRING_BYTES = 64;

/** Refuses input that no writer of ours can have made. */
export function corrupt(what: string, cause?: unknown): never {
  throw new TrackingError('corrupt_bytes', what, cause === undefined ? {} : { cause });
}

/** Text of UTF-8 bytes that were checked elsewhere; a bad sequence becomes U+FFFD, never an exception. */
export function lenientText(bytes: Uint8Array): string {
  return asciiText(bytes, 0, bytes.length) ?? lenientDecoder.decode(bytes);
}

function strictText(bytes: Uint8Array): string {
  try {
    return strictDecoder.decode(bytes);
  } catch (cause) {
    return corrupt('text is not UTF-8', cause);
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
    if (limit <= 0x80) return this.#narrowIndices(count, limit, what);
    const indices = new Uint32Array(count);
    const bytes = this.#bytes;
    const end = this.#end;
    let at = this.#offset;
    for (let i = 0; i < count; i++) {
      const byte = at < end ? bytes[at]! : 0x80;
      if (byte < 0x80) {
        indices[i] = byte;
        at++;
      } else {
        this.#offset = at;
        indices[i] = this.below(limit, what);
        at = this.#offset;
      }
    }
    this.#offset = at;
    return indices;
  }

  /** As `indices`, where each takes one byte: the bytes themselves. */
  #narrowIndices(count: number, limit: number, what: string): Uint32Array {
    const bytes = this.take(count);
    let highest = 0;
    for (let i = 0; i < bytes.length; i++) if (bytes[i]! > highest) highest = bytes[i]!;
    if (count > 0 && highest >= limit) corrupt(`${what} ${highest} is not below ${limit}`);
    return new Uint32Array(bytes);
  }

  string(): string {
    return this.text(this.varint());
  }

  /** The next `length` bytes as text. */
  text(length: number): string {
    const start = this.#advance(length);
    return asciiText(this.#bytes, start, length) ?? strictText(this.#bytes.subarray(start, start + length));
  }

  /** Passes over `length` bytes that `text` could read. */
  skipText(length: number): void {
    const start = this.#advance(length);
    for (let at = start; at < this.#offset; at++) {
      if (this.#bytes[at]! < 0x80) continue;
      strictText(this.#bytes.subarray(start, this.#offset));
      return;
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
