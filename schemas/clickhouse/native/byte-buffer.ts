/** Bytes that grow: the body of string and state columns. */
export class ByteBuffer {
  #bytes: Buffer;
  #length = 0;

  constructor(capacity: number) {
    this.#bytes = Buffer.allocUnsafe(Math.max(64, capacity));
  }

  get length(): number {
    return this.#length;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length] = value;
    this.#length += 1;
  }

  varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.byte(rest);
  }

  bytes(source: Uint8Array): void {
    this.#reserve(source.length);
    this.#bytes.set(source, this.#length);
    this.#length += source.length;
  }

  /** A string as the engine reads it: length in bytes, then UTF-8 (a lone surrogate becomes U+FFFD). */
  text(value: string): void {
    if (value.length === 0) return this.byte(0);
    if (value.length <= SHORT_CHARS) return this.#shortText(value);
    this.varint(Buffer.byteLength(value));
    this.#reserve(value.length * 3);
    this.#length += this.#bytes.write(value, this.#length);
  }

  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  // Up to 42 characters take at most 126 bytes, so their length is one byte, known after writing.
  #shortText(value: string): void {
    this.#reserve(1 + value.length * 3);
    const written = this.#bytes.write(value, this.#length + 1);
    this.#bytes[this.#length] = written;
    this.#length += 1 + written;
  }

  #reserve(extra: number): void {
    const needed = this.#length + extra;
    if (needed <= this.#bytes.length) return;
    const wider = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    wider.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = wider;
  }
}

const SHORT_CHARS = 42;
