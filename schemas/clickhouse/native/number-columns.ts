import type { ColumnType } from '../table.ts';
import type { ColumnWriter } from './column.ts';

/** 2³²; the weight of a 64-bit number's upper half. */
const UPPER = 4_294_967_296;

type Small = Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

/** UInt8, UInt16, UInt32 and DateTime: numbers of up to 32 bits. */
export class SmallIntColumn implements ColumnWriter {
  readonly type: ColumnType;
  #values: Small;
  #length = 0;

  constructor(type: ColumnType, capacity: number) {
    this.type = type;
    this.#values = smallArray(type, capacity);
  }

  push(value: number): void {
    if (this.#length === this.#values.length) this.#grow(this.#length + 1);
    this.#values[this.#length] = value;
    this.#length += 1;
  }

  /** Pushes every one of `values`. */
  append(values: Uint32Array): void {
    this.#grow(this.#length + values.length);
    this.#values.set(values, this.#length);
    this.#length += values.length;
  }

  fill(value: number, count: number): void {
    this.#grow(this.#length + count);
    this.#values.fill(value, this.#length, this.#length + count);
    this.#length += count;
  }

  get length(): number {
    return this.#length;
  }

  chunks(): Uint8Array[] {
    return [bytesOf(this.#values.subarray(0, this.#length))];
  }

  #grow(atLeast: number): void {
    if (atLeast <= this.#values.length) return;
    const wider = smallArray(this.type, Math.max(atLeast, this.#values.length * 2));
    wider.set(this.#values.subarray(0, this.#length));
    this.#values = wider;
  }
}

/** UInt64, Int64 and DateTime64: kept as two 32-bit halves, the lower first, so that no number becomes a BigInt. */
export class WideIntColumn implements ColumnWriter {
  readonly type: ColumnType;
  #halves: Uint32Array<ArrayBuffer>;
  #length = 0;

  constructor(type: ColumnType, capacity: number) {
    this.type = type;
    this.#halves = new Uint32Array(Math.max(1, capacity) * 2);
  }

  /** A whole number within ±2⁵³. */
  push(value: number): void {
    this.pushHalves(value >>> 0, Math.floor(value / UPPER) >>> 0);
  }

  pushHalves(lo: number, hi: number): void {
    const at = this.#length * 2;
    if (at === this.#halves.length) this.#grow(this.#length + 1);
    this.#halves[at] = lo;
    this.#halves[at + 1] = hi;
    this.#length += 1;
  }

  fill(value: number, count: number): void {
    this.#grow(this.#length + count);
    // rows to come are zero already
    if (value !== 0) new BigInt64Array(this.#halves.buffer).fill(BigInt(value), this.#length, this.#length + count);
    this.#length += count;
  }

  /** Puts another whole number within ±2⁵³ into a row that was pushed or filled. */
  set(row: number, value: number): void {
    this.#halves[row * 2] = value;
    this.#halves[row * 2 + 1] = Math.floor(value / UPPER);
  }

  get length(): number {
    return this.#length;
  }

  chunks(): Uint8Array[] {
    return [bytesOf(this.#halves.subarray(0, this.#length * 2))];
  }

  #grow(atLeast: number): void {
    if (atLeast * 2 <= this.#halves.length) return;
    const wider = new Uint32Array(Math.max(atLeast * 2, this.#halves.length * 2));
    wider.set(this.#halves.subarray(0, this.#length * 2));
    this.#halves = wider;
  }
}

/** A typed array's memory as bytes; both this machine's and the format's order is little-endian. */
export function bytesOf(values: Uint8Array | Uint16Array | Uint32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function smallArray(type: ColumnType, capacity: number): Small {
  const length = Math.max(1, capacity);
  if (type === 'UInt8') return new Uint8Array(length);
  return type === 'UInt16' ? new Uint16Array(length) : new Uint32Array(length);
}
