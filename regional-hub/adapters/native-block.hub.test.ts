import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { drainStream } from '@clickhouse/client';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore, type ClickHouseStore } from './clickhouse-store.ts';
import { createTable } from '../../schemas/clickhouse/ddl.ts';
import type { Columns, Table } from '../../schemas/clickhouse/table.ts';
import { newBlock, sealBlock, type SealedBlock } from '../../schemas/clickhouse/native/block.ts';

const COLUMNS = {
  n: 'UInt32',
  small: 'UInt8',
  medium: 'UInt16',
  wide: 'UInt64',
  signed: 'Int64',
  second: "DateTime('UTC')",
  moment: "DateTime64(3, 'UTC')",
  text: 'String',
  word: 'LowCardinality(String)',
  list: 'Array(LowCardinality(String))',
} as const satisfies Columns;

const TABLE: Table<typeof COLUMNS> = {
  name: 'native',
  columns: COLUMNS,
  engine: 'MergeTree',
  partitionBy: 'tuple()',
  primaryKey: ['n'],
  orderBy: ['n'],
  expiresAt: '',
  indices: [],
  projections: [],
};

const dir = mkdtempSync(join(tmpdir(), 'edgetally-native-'));
let store: ClickHouseStore;

beforeAll(async () => {
  store = openStore({ kind: 'embedded', dataDir: dir });
  for (const statement of createTable(TABLE, { mode: 'local', database: 'default' })) await store.client.command({ query: statement });
});

afterAll(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
}, 60_000);

async function insert(block: SealedBlock): Promise<void> {
  const { stream } = await store.client.exec({
    query: `INSERT INTO native (${block.columnNames.join(', ')}) SETTINGS insert_deduplicate = 0 FORMAT Native`,
    values: Readable.from(block.chunks, { objectMode: false }),
  });
  await drainStream(stream);
}

type Row = { small: number; medium: number; wide: number; signed: number; second: number; moment: number; text: string; word: string; list: string[] };

function blockOf(rows: readonly Row[]): SealedBlock {
  const { columns, ...block } = newBlock(TABLE, 1);
  rows.forEach((row, n) => {
    columns.n.push(n);
    columns.small.push(row.small);
    columns.medium.push(row.medium);
    columns.wide.push(row.wide);
    columns.signed.push(row.signed);
    columns.second.push(row.second);
    columns.moment.push(row.moment);
    columns.text.push(row.text);
    columns.word.push(row.word);
    columns.list.push(row.list);
  });
  return sealBlock({ ...block, columns });
}

async function stored(): Promise<Row[]> {
  const result = await store.client.query({
    query: `SELECT small, medium, toString(wide), toString(signed), toUnixTimestamp(second), toString(toUnixTimestamp64Milli(moment)), text, word, list FROM native ORDER BY n`,
    format: 'JSONCompactEachRow',
  });
  const rows = (await result.json()) as unknown as [number, number, string, string, number, string, string, string, string[]][];
  return rows.map(([small, medium, wide, signed, second, moment, text, word, list]) => ({
    small,
    medium,
    wide: Number(wide),
    signed: Number(signed),
    second,
    moment: Number(moment),
    text,
    word,
    list,
  }));
}

const text = fc.string({ unit: 'binary', maxLength: 80 });
const row: fc.Arbitrary<Row> = fc.record({
  small: fc.nat(255),
  medium: fc.nat(65_535),
  wide: fc.maxSafeNat(),
  signed: fc.maxSafeInteger(),
  second: fc.nat(4_102_444_800),
  moment: fc.nat(4_102_444_800_000),
  text,
  word: text,
  list: fc.array(text, { maxLength: 3 }),
});

describe('a block in the engine’s own layout', () => {
  it('arrives as it was pushed, whatever the values', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 40 }), async (rows) => {
        await store.client.command({ query: 'TRUNCATE TABLE native' });
        await insert(blockOf(rows));
        expect(await stored()).toEqual(rows);
      }),
      { numRuns: 25 },
    );
  });

  it.each([255, 256, 300, 65_536, 70_000])('keeps %i different texts of one dictionary column apart, in one part', async (count) => {
    await store.client.command({ query: 'TRUNCATE TABLE native' });
    const rows = Array.from({ length: count }, (_, i): Row => ({ small: 0, medium: 0, wide: i, signed: -i, second: 0, moment: 0, text: '', word: `w${i}`, list: [] }));
    await insert(blockOf(rows));
    const result = await store.client.query({
      query: "SELECT toUInt32(count()), toUInt32(countIf(word = concat('w', toString(wide)) AND signed = -toInt64(wide))), toUInt32(uniqExact(_part)) FROM native",
      format: 'JSONCompactEachRow',
    });
    expect(await result.json()).toEqual([[count, count, 1]]);
  });

  it('refuses columns of unequal length', () => {
    const block = newBlock(TABLE, 1);
    block.columns.n.push(1);
    expect(() => sealBlock(block)).toThrow(/has 1 rows/);
  });
});
