import { TrackingError } from '../errors.ts';
import { estimateRegisters } from './estimate.ts';
import { HashList } from './hash-list.ts';
import { mixAll } from './mix64.ts';
import { REGISTERS, REGISTER_STATE_BYTES, packRegisters, raise, unpackRegisters } from './registers.ts';

/** First byte of a state, and how many hashes each of the exact forms holds, in ClickHouse at precision 17. */
const FORM = { small: 1, medium: 2, large: 3 } as const;
const SMALL_MAX = 16;
const MEDIUM_MAX = 4_096;
const HASH_BYTES = 8;

/**
 * Distinct viewers, as `uniqCombined64(17)` over `UInt64` counts them: exact up to 4 096, then HyperLogLog at 0.3 %. Its
 * states are ClickHouse's own, so that either side may merge what the other wrote. Sketches add; they never subtract.
 */
export class Uniques {
  #exact: HashList | null = new HashList(MEDIUM_MAX);
  #registers: Uint8Array | null = null;

  /** Adds one viewer, as two unsigned halves. */
  add(lo: number, hi: number): void {
    const mixed = mixedOf(Uint32Array.of(lo, hi));
    this.#addMixed(mixed[0]!, mixed[1]!);
  }

  merge(other: Uniques): void {
    if (other.#registers !== null) this.#raiseAll(other.#registers);
    else this.#addAllMixed(other.#exact!.pairs);
  }

  /** How many distinct viewers: exact up to 4 096. */
  estimate(): number {
    return this.#registers === null ? this.#exact!.size : estimateRegisters(this.#registers);
  }

  /** The state as ClickHouse stores it. Up to 16 hashes in order of first sight, up to 4 096 ascending, else registers. */
  toState(): Uint8Array {
    const count = this.#registers === null ? this.#exact!.size : Infinity;
    const state = new Uint8Array(stateBytes(count));
    const view = new DataView(state.buffer);
    if (this.#registers !== null) writeRegisters(view, 0, this.#registers);
    else writeState(view, 0, this.#exact!.pairs, 0, 2 * count);
    return state;
  }

  /** Reads a state, ours or ClickHouse's. A count that its bytes do not bear out throws `TrackingError('corrupt_bytes')`. */
  static fromState(bytes: Uint8Array): Uniques {
    const uniques = new Uniques();
    if (bytes[0] === FORM.large) {
      uniques.#raiseAll(unpackRegisters(bytes.subarray(1)));
      return uniques;
    }
    const { count, at } = readHashCount(bytes);
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, count * HASH_BYTES);
    for (let i = 0; i < count; i++) uniques.#addMixed(view.getUint32(i * HASH_BYTES, true), view.getUint32(i * HASH_BYTES + 4, true));
    if (uniques.#exact?.size !== count) refuse('a hash comes twice');
    return uniques;
  }

  #addMixed(lo: number, hi: number): void {
    if (this.#registers !== null) raise(this.#registers, lo, hi);
    else if (!this.#exact!.add(lo, hi)) raise(this.#enlarge(), lo, hi);
  }

  #addAllMixed(pairs: Uint32Array): void {
    for (let i = 0; i < pairs.length; i += 2) this.#addMixed(pairs[i]!, pairs[i + 1]!);
  }

  #raiseAll(other: Uint8Array): void {
    const registers = this.#registers ?? this.#enlarge();
    for (let i = 0; i < REGISTERS; i++) if (other[i]! > registers[i]!) registers[i] = other[i]!;
  }

  #enlarge(): Uint8Array {
    const registers = new Uint8Array(REGISTERS);
    this.#registers = registers;
    this.#addAllMixed(this.#exact!.pairs);
    this.#exact = null;
    return registers;
  }
}

/**
 * The states of many cells' viewers, one behind another: what `uniqCombined64State(17)` gives over each cell's. `counts` says how many pairs of
 * `halves` each cell has, row after row; those of one cell must be distinct.
 */
export function viewerStates(counts: Uint32Array, halves: Uint32Array): Uint8Array {
  const mixed = mixedOf(halves);
  let bytes = 0;
  for (let i = 0; i < counts.length; i++) bytes += stateBytes(counts[i]!);
  const view = new DataView(new ArrayBuffer(bytes));
  for (let i = 0, start = 0, at = 0; i < counts.length; i++) {
    const end = start + 2 * counts[i]!;
    at = writeState(view, at, mixed, start, end);
    start = end;
  }
  return new Uint8Array(view.buffer);
}

/** The same pairs, mixed; little-endian halves are 64-bit numbers in place. */
function mixedOf(halves: Uint32Array): Uint32Array {
  const mixed = new Uint32Array(halves);
  mixAll(new BigUint64Array(mixed.buffer));
  return mixed;
}

function stateBytes(count: number): number {
  if (count > MEDIUM_MAX) return 1 + REGISTER_STATE_BYTES;
  return 1 + (count < 0x80 ? 1 : 2) + count * HASH_BYTES;
}

/** Writes the state of the mixed halves from `start` to `end`, and says where it ends. */
function writeState(view: DataView, at: number, mixed: Uint32Array, start: number, end: number): number {
  if (end - start <= 2 * SMALL_MAX) return writeHashes(view, at, FORM.small, mixed, start, end);
  return writeLargeState(view, at, mixed.subarray(start, end));
}

function writeLargeState(view: DataView, at: number, mixed: Uint32Array): number {
  if (mixed.length <= 2 * MEDIUM_MAX) return writeHashes(view, at, FORM.medium, ascending(mixed), 0, mixed.length);
  const registers = new Uint8Array(REGISTERS);
  for (let i = 0; i < mixed.length; i += 2) raise(registers, mixed[i]!, mixed[i + 1]!);
  return writeRegisters(view, at, registers);
}

/** Form, count, then the hashes little-endian. */
function writeHashes(view: DataView, start: number, form: number, pairs: Uint32Array, from: number, to: number): number {
  const count = (to - from) >> 1;
  let at = start + 2;
  view.setUint8(start, form);
  view.setUint8(start + 1, count < 0x80 ? count : (count & 0x7f) | 0x80);
  if (count >= 0x80) view.setUint8(at++, count >> 7);
  for (let i = from; i < to; i += 2, at += HASH_BYTES) {
    view.setUint32(at, pairs[i]!, true);
    view.setUint32(at + 4, pairs[i + 1]!, true);
  }
  return at;
}

function writeRegisters(view: DataView, at: number, registers: Uint8Array): number {
  view.setUint8(at, FORM.large);
  packRegisters(registers, new Uint8Array(view.buffer, view.byteOffset, view.byteLength), at + 1);
  return at + 1 + REGISTER_STATE_BYTES;
}

/** Equal sets give equal bytes: ClickHouse itself writes them in the order of its hash table. */
function ascending(pairs: Uint32Array): Uint32Array {
  const copy = new Uint32Array(pairs);
  new BigUint64Array(copy.buffer).sort();
  return copy;
}

function readHashCount(bytes: Uint8Array): { count: number; at: number } {
  const form = bytes[0];
  if (form !== FORM.small && form !== FORM.medium) refuse('not a state of uniqCombined64(17)');
  const first = bytes[1] ?? refuse('a state without a count');
  const second = first < 0x80 ? 0 : (bytes[2] ?? refuse('a state without a count'));
  const count = (first & 0x7f) | (second << 7);
  const at = first < 0x80 ? 2 : 3;
  const bound = form === FORM.small ? SMALL_MAX : MEDIUM_MAX;
  if (second >= 0x80 || count > bound) refuse(`more hashes than its form holds`);
  if (bytes.length !== at + count * HASH_BYTES) refuse(`${count} hashes claimed in ${bytes.length} bytes`);
  return { count, at };
}

function refuse(what: string): never {
  throw new TrackingError('corrupt_bytes', what);
}
