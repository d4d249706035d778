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
  #indexes: Uint32Array<ArrayBuffer>;
  #length = 0;
  /** The text before this one: rows come sorted, so it is mostly the same again. */
  #lastText = '';
  #lastCode = 0;

  constructor(capacity: number) {
    this.#indexes = new Uint32Array(Math.max(1, capacity));
  }

  push(value: string): void {
    this.pushCode(this.code(value));
  }

  fill(value: string, count: number): void {
    const code = this.code(value);
    this.#grow(this.#length + count);
    this.#indexes.fill(code, this.#length, this.#length + count);
    this.#length += count;
  }

  /** The index of a text in this block; stable for its life, so that a caller may remember it. */
  code(value: string): number {
    if (value === this.#lastText) return this.#lastCode;
    const code = this.#codes.get(value) ?? this.#codes.size;
    if (code === this.#codes.size) this.#codes.set(value, code);
    this.#lastText = value;
    this.#lastCode = code;
    return code;
  }

  pushCode(code: number): void {
    if (this.#length === this.#indexes.length) this.#grow(this.#length + 1);
    this.#indexes[this.#length] = code;
    this.#length += 1;
  }

  get length(): number {
    return this.#length;
  }

  chunks(): Uint8Array[] {
    const width = this.#codes.size <= 0x100 ? 0 : this.#codes.size <= 0x1_0000 ? 1 : 2;
    const head = new WideIntColumn('UInt64', 3);
    head.push(SHARED_DICTIONARIES_VERSION);
    head.push(HAS_ADDITIONAL_KEYS + NEEDS_UPDATE + width);
    head.push(this.#codes.size);
    const keys = new ByteBuffer(this.#codes.size * 16);
    for (const text of this.#codes.keys()) keys.text(text);
    const count = new WideIntColumn('UInt64', 1);
    count.push(this.#length);
    return [...head.chunks(), keys.view(), ...count.chunks(), narrow(this.#indexes.subarray(0, this.#length), width)];
  }

  #grow(atLeast: number): void {
    if (atLeast <= this.#indexes.length) return;
    const wider = new Uint32Array(Math.max(atLeast, this.#indexes.length * 2));
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

  push(state: Uint8Array): void {
    this.#body.bytes(state);
    this.#length += 1;
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

function narrow(indexes: Uint32Array, width: 0 | 1 | 2): Uint8Array {
  if (width === 0) return Uint8Array.from(indexes);
  return width === 1 ? bytesOf(Uint16Array.from(indexes)) : bytesOf(indexes);
}
