import type { CellDimensions } from '../../core/judgement/judgement.ts';
import { type ByteReader, corrupt } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';

/** The order in which a cell's dimensions are written. */
export const DIMENSION_FIELDS = [
  'advertiserId',
  'campaignId',
  'adId',
  'creativeId',
  'publisherId',
  'placementId',
  'country',
  'deviceType',
] as const satisfies readonly (keyof CellDimensions)[];

/** Four strings for each of the most rows that a section may have; more would be a lie. */
const MAX_TABLE_STRINGS = 1_048_576;

/** Each string once, numbered in order of first use. */
export class StringInterner {
  readonly #indices = new Map<string, number>();

  index(text: string): number {
    const known = this.#indices.get(text);
    if (known !== undefined) return known;
    const index = this.#indices.size;
    this.#indices.set(text, index);
    return index;
  }

  write(writer: ByteWriter): void {
    writer.varint(this.#indices.size);
    for (const text of this.#indices.keys()) writer.string(text);
  }
}

/** The strings that `StringInterner.write` wrote. */
export function readStringTable(reader: ByteReader): string[] {
  const count = reader.count(1);
  if (count > MAX_TABLE_STRINGS) corrupt(`${count} strings are above the limit`);
  const strings: string[] = [];
  for (let i = 0; i < count; i++) strings.push(reader.string());
  return strings;
}

/** One index of a string table. */
export function readInterned(reader: ByteReader, strings: readonly string[]): string {
  return strings[reader.varint()] ?? corrupt('string is not in the table');
}
