import type { ViewerHashes } from '../cells/cell.ts';
import { TrackingError } from '../errors.ts';
import { estimateRegisters } from './estimate.ts';
import { HashList } from './hash-list.ts';
import { mix64 } from './mix64.ts';
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
  readonly #mixed = new Uint32Array(2);

  /** Adds one viewer, as two unsigned halves. */
  add(lo: number, hi: number): void {
    mix64(lo, hi, this.#mixed, 0);
    this.#addMixed(this.#mixed[0]!, this.#mixed[1]!);
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
    if (this.#registers !== null) return registerState(this.#registers);
    const { pairs, size } = this.#exact!;
    return hashState(size > SMALL_MAX ? ascending(pairs) : pairs);
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

/** The state of one cell's viewers: what `uniqCombined64State(17)` gives over them. They must be distinct. */
export function viewersToState(viewers: ViewerHashes): Uint8Array {
  const mixed = new Uint32Array(viewers.length);
  for (let i = 0; i < viewers.length; i += 2) mix64(viewers[i]!, viewers[i + 1]!, mixed, i);
  const count = viewers.length / 2;
  if (count <= MEDIUM_MAX) return hashState(count > SMALL_MAX ? ascending(mixed) : mixed);
  const registers = new Uint8Array(REGISTERS);
  for (let i = 0; i < mixed.length; i += 2) raise(registers, mixed[i]!, mixed[i + 1]!);
  return registerState(registers);
}

/** Form, count, then the hashes little-endian. */
function hashState(pairs: Uint32Array): Uint8Array {
  const count = pairs.length / 2;
  const countBytes = count < 0x80 ? 1 : 2;
  const state = new Uint8Array(1 + countBytes + count * HASH_BYTES);
  state[0] = count <= SMALL_MAX ? FORM.small : FORM.medium;
  state[1] = countBytes === 1 ? count : (count & 0x7f) | 0x80;
  if (countBytes === 2) state[2] = count >> 7;
  const view = new DataView(state.buffer, 1 + countBytes);
  for (let i = 0; i < pairs.length; i++) view.setUint32(i * 4, pairs[i]!, true);
  return state;
}

function registerState(registers: Uint8Array): Uint8Array {
  const state = new Uint8Array(1 + REGISTER_STATE_BYTES);
  state[0] = FORM.large;
  packRegisters(registers, state, 1);
  return state;
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
