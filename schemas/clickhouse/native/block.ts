import { assert } from '../../../core/errors.ts';
import type { Columns, ColumnType, Table } from '../table.ts';
import { ByteBuffer } from './byte-buffer.ts';
import type { ColumnWriter } from './column.ts';
import { SmallIntColumn, WideIntColumn } from './number-columns.ts';
import { LowCardinalityColumn, StateColumn, StringColumn, StringListColumn } from './string-columns.ts';

/** The writer that a column type gets. */
export type WriterOf<Type extends ColumnType> = Type extends 'LowCardinality(String)'
  ? LowCardinalityColumn
  : Type extends 'String'
    ? StringColumn
    : Type extends 'Array(LowCardinality(String))'
      ? StringListColumn
      : Type extends 'AggregateFunction(uniqCombined64(17), UInt64)'
        ? StateColumn
        : Type extends 'UInt8' | 'UInt16' | 'UInt32' | "DateTime('UTC')"
          ? SmallIntColumn
          : WideIntColumn;

export type Writers<C extends Columns> = { readonly [Name in keyof C]: WriterOf<C[Name]> };

/** One block of a table, column by column: push the same number of rows into every writer, then `finish`. */
export type Block<C extends Columns> = { readonly table: string; readonly columns: Writers<C> };

/** A finished block: what is sent as the body of `INSERT INTO table (columnNames) FORMAT Native`. */
export type SealedBlock = {
  readonly table: string;
  readonly columnNames: readonly string[];
  readonly rows: number;
  readonly chunks: readonly Uint8Array[];
};

/** An empty block with room for about `capacity` rows. */
export function newBlock<C extends Columns>(table: Table<C>, capacity: number): Block<C> {
  const writers: Record<string, ColumnWriter> = {};
  for (const [name, type] of Object.entries(table.columns)) writers[name] = writerFor(type, capacity);
  return { table: table.name, columns: writers as Writers<C> };
}

/** Closes a block; every column must have the same number of rows. */
export function sealBlock<C extends Columns>(block: Block<C>): SealedBlock {
  const named = Object.entries<ColumnWriter>(block.columns);
  const rows = named[0]?.[1].length ?? 0;
  const head = new ByteBuffer(32);
  head.varint(named.length);
  head.varint(rows);
  const chunks: Uint8Array[] = [head.view()];
  for (const [name, writer] of named) {
    assert(writer.length === rows, `${block.table}.${name} has ${rows} rows`);
    chunks.push(columnHead(name, writer), ...writer.chunks());
  }
  return { table: block.table, columnNames: named.map(([name]) => name), rows, chunks: chunks.filter((chunk) => chunk.length > 0) };
}

function columnHead(name: string, writer: ColumnWriter): Uint8Array {
  const head = new ByteBuffer(64);
  head.text(name);
  head.text(writer instanceof StringListColumn ? writer.sentType : writer.type);
  return head.view();
}

function writerFor(type: ColumnType, capacity: number): ColumnWriter {
  switch (type) {
    case 'LowCardinality(String)':
      return new LowCardinalityColumn(capacity);
    case 'String':
      return new StringColumn(capacity);
    case 'Array(LowCardinality(String))':
      return new StringListColumn(capacity);
    case 'AggregateFunction(uniqCombined64(17), UInt64)':
      return new StateColumn(capacity);
    case 'UInt8':
    case 'UInt16':
    case 'UInt32':
    case "DateTime('UTC')":
      return new SmallIntColumn(type, capacity);
    default:
      return new WideIntColumn(type, capacity);
  }
}
