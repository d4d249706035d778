/** Bytes that own an `ArrayBuffer` of their own, as `fetch` and SQL want them. */
export type OwnedBytes = Uint8Array<ArrayBuffer>;

const encoder = new TextEncoder();

const INITIAL_BYTES = 256;
/** 7 bits a byte: eight bytes hold 2^53. */
export const MAX_VARINT_BYTES = 8;

/** How many bytes `ByteWriter.varint` will use. */
export function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
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
