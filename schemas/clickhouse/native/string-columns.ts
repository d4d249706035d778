import { ByteBuffer } from './byte-buffer.ts';
import type { ColumnWriter } from './column.ts';
import { bytesOf, WideIntColumn } from './number-columns.ts';

/** String: length and bytes, row after row. */
export class StringColumn implements ColumnWriter {
  readonly type = 'String';
  readonly #body: ByteBuffer;
  #length = 0;

  constructor(capacity: number) {
    this.#body = new ByteBuffer(capacity * 8);
  }

  push(value: string): void {
    this.#body.text(value);
    this.#length += 1;
  }

  fill(value: string, count: number): void {
    for (let i = 0; i < count; i += 1) this.push(value);
  }

  get length(): number {
    return this.#length;
  }

  chunks(): Uint8Array[] {
    return [this.#body.view()];
  }
}

/** LowCardinality(String): every text once, rows as indexes into them. Its first text is the empty one. */
export class LowCardinalityColumn implements ColumnWriter {
  readonly type = 'LowCardinality(String)';
  readonly #codes = new Map<string, number>([['', 0]]);
  /** As narrow as so many texts allow: in most columns a byte a row. */
  #indexes: Indexes;
  #length = 0;
  /** The text before this one: rows come sorted, so it is mostly the same again. */
  #lastText = '';
  #lastCode = 0;

  constructor(capacity: number) {
    this.#indexes = new Uint8Array(Math.max(1, capacity));
  }

  push(value: string): void {
    const code = this.#code(value);
    this.#reserve(1);
    this.#indexes[this.#length] = code;
    this.#length += 1;
  }

  fill(value: string, count: number): void {
    const code = this.#code(value);
    this.#reserve(count);
    this.#indexes.fill(code, this.#length, this.#length + count);
    this.#length += count;
  }

  /** Pushes `values[of[i]]` for every `i`. */
  pick(values: readonly string[], of: Uint32Array): void {
    const codes = new Uint32Array(values.length);
    let isOne = true;
    for (let i = 0; i < values.length; i += 1) {
      codes[i] = this.#code(values[i]!);
      if (codes[i] !== codes[0]) isOne = false;
    }
    if (isOne) return this.fill(values[0] ?? '', of.length);
    this.#reserve(of.length);
    spread(this.#indexes, this.#length, codes, of);
    this.#length += of.length;
  }

  get length(): number {
    return this.#length;
  }

  chunks(): Uint8Array[] {
    const head = new WideIntColumn('UInt64', 3);
    head.push(SHARED_DICTIONARIES_VERSION);
    head.push(HAS_ADDITIONAL_KEYS + NEEDS_UPDATE + Math.log2(this.#indexes.BYTES_PER_ELEMENT));
    head.push(this.#codes.size);
    const keys = new ByteBuffer(this.#codes.size * 16);
    for (const text of this.#codes.keys()) keys.text(text);
    const count = new WideIntColumn('UInt64', 1);
    count.push(this.#length);
    return [...head.chunks(), keys.view(), ...count.chunks(), bytesOf(this.#indexes.subarray(0, this.#length))];
  }

  /** The index of a text in this block; it never changes. */
  #code(value: string): number {
    if (value === this.#lastText) return this.#lastCode;
    const code = this.#codes.get(value) ?? this.#codes.size;
    if (code === this.#codes.size) this.#codes.set(value, code);
    this.#lastText = value;
    this.#lastCode = code;
    return code;
  }

  /** Makes room for `more` rows, and for every code that there is. */
  #reserve(more: number): void {
    const rows = this.#length + more;
    const { length, BYTES_PER_ELEMENT } = this.#indexes;
    const width = indexWidth(this.#codes.size);
    if (rows <= length && width <= BYTES_PER_ELEMENT) return;
    const wider = indexArray(width, rows <= length ? length : Math.max(rows, length * 2));
    wider.set(this.#indexes.subarray(0, this.#length));
    this.#indexes = wider;
  }
}

/** Array(LowCardinality(String)), sent as plain strings that the engine casts: ends of rows, then all elements. */
export class StringListColumn implements ColumnWriter {
  readonly type = 'Array(LowCardinality(String))';
  readonly sentType = 'Array(String)';
  readonly #ends: WideIntColumn;
  readonly #elements = new ByteBuffer(64);
  #elementCount = 0;

  constructor(capacity: number) {
    this.#ends = new WideIntColumn('UInt64', capacity);
  }

  push(values: readonly string[]): void {
    for (const value of values) this.#elements.text(value);
    this.#elementCount += values.length;
    this.#ends.push(this.#elementCount);
  }

  get length(): number {
    return this.#ends.length;
  }

  chunks(): Uint8Array[] {
    return [...this.#ends.chunks(), this.#elements.view()];
  }
}

/** States of an aggregate function, as the engine would have written them, one after another. */
export class StateColumn implements ColumnWriter {
  readonly type = 'AggregateFunction(uniqCombined64(17), UInt64)';
  readonly #body: ByteBuffer;
  #length = 0;

  constructor(capacity: number) {
    this.#body = new ByteBuffer(capacity * 12);
  }

  /** Pushes `count` states that lie one behind another. */
  append(states: Uint8Array, count: number): void {
    this.#body.bytes(states);
    this.#length += count;
  }

  get length(): number {
    return this.#length;
  }

  chunks(): Uint8Array[] {
    return [this.#body.view()];
  }
}

/** Bits and versions of the format. Source: ClickHouse, SerializationLowCardinality. */
const SHARED_DICTIONARIES_VERSION = 1;
const HAS_ADDITIONAL_KEYS = 1 << 9;
const NEEDS_UPDATE = 1 << 10;

type Indexes = Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

/** A function for one loop: V8 would compile `pick` in the middle of its first one, and throw that away at every call. */
function spread(indexes: Indexes, from: number, codes: Uint32Array, of: Uint32Array): void {
  for (let i = 0, at = from; i < of.length; i += 1, at += 1) indexes[at] = codes[of[i]!]!;
}

function indexWidth(codes: number): 1 | 2 | 4 {
  if (codes <= 0x100) return 1;
  return codes <= 0x1_0000 ? 2 : 4;
}

function indexArray(width: 1 | 2 | 4, length: number): Indexes {
  if (width === 1) return new Uint8Array(length);
  return width === 2 ? new Uint16Array(length) : new Uint32Array(length);
}
