import type { SealedBlock } from '../../schemas/clickhouse/native/block.ts';

/** A value as the engine would hold it: text, a number, a list of texts, or an aggregate state's bytes. */
export type Cell = string | number | readonly string[] | Uint8Array;
export type Row = Readonly<Record<string, Cell>>;

/** Reads a block of the Native format back, as the engine does; written from the format, not from our writer. */
export function readNative(block: SealedBlock): Row[] {
  const reader = new NativeReader(Buffer.concat(block.chunks));
  const columns = reader.varint();
  const rows = reader.varint();
  const named: [string, Cell[]][] = [];
  for (let i = 0; i < columns; i++) {
    const name = reader.text();
    named.push([name, reader.column(reader.text(), rows)]);
  }
  if (!reader.isAtEnd) throw new Error(`a block of ${block.table} has bytes left over`);
  return Array.from({ length: rows }, (_, row) => Object.fromEntries(named.map(([name, cells]) => [name, cells[row]!])));
}

class NativeReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#bytes.readUInt8(this.#at++);
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }

  text(): string {
    const length = this.varint();
    return this.#take(length).toString('utf8');
  }

  column(type: string, rows: number): Cell[] {
    if (type === 'LowCardinality(String)') return this.#lowCardinality();
    if (type === 'Array(String)') return this.#lists(rows);
    return Array.from({ length: rows }, () => this.#value(type));
  }

  #value(type: string): Cell {
    switch (type) {
      case 'String':
        return this.text();
      case 'UInt8':
        return this.#take(1).readUInt8();
      case 'UInt16':
        return this.#take(2).readUInt16LE();
      case 'UInt32':
      case "DateTime('UTC')":
        return this.#take(4).readUInt32LE();
      case 'UInt64':
        return String(this.#take(8).readBigUInt64LE());
      case 'Int64':
      case "DateTime64(3, 'UTC')":
        return Number(this.#take(8).readBigInt64LE());
      case 'AggregateFunction(uniqCombined64(17), UInt64)':
        return this.#state();
      default:
        throw new Error(`a column of type ${type}`);
    }
  }

  /** Forms 1 and 2 list hashes after their count; form 3 is all registers of 6 bits, how many have each of 49 ranks, and how many are empty. */
  #state(): Uint8Array {
    const start = this.#at;
    const form = this.#bytes.readUInt8(this.#at++);
    if (form === 3) this.#take((2 ** 17 * 6) / 8 + 49 * 4 + 4);
    else this.#take(this.varint() * 8);
    return new Uint8Array(this.#bytes.subarray(start, this.#at));
  }

  #lowCardinality(): string[] {
    this.#take(8);
    const width = 2 ** (this.#take(8).readUInt8() & 3);
    const keys = Array.from({ length: this.#count() }, () => this.text());
    return Array.from({ length: this.#count() }, () => keys[this.#take(width).readUIntLE(0, width)]!);
  }

  #lists(rows: number): string[][] {
    let from = 0;
    const lengths = Array.from({ length: rows }, () => {
      const end = this.#count();
      const length = end - from;
      from = end;
      return length;
    });
    return lengths.map((length) => Array.from({ length }, () => this.text()));
  }

  #count(): number {
    return Number(this.#take(8).readBigUInt64LE());
  }

  #take(length: number): Buffer {
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}
