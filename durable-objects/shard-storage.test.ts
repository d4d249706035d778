import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { MAX_BLOB_BYTES, joinParts, partsOf } from './blob-parts.ts';
import { SHARD_MIGRATIONS, migrate } from './migrations.ts';
import { nodeSql } from './node-sql.ts';
import { ShardStorage } from './shard-storage.ts';
import { SqlColdStore } from './sql-cold-store.ts';

const EPOCH = 1_700_000_000_000;
const bytesOf = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 31) & 0xff);
const open = (database = new DatabaseSync(':memory:'), nowMs = EPOCH) => new ShardStorage(nodeSql(database), nowMs);
const commit = (row: number, length = 10) => ({ row, events: row * 10, committedAtMs: EPOCH + row, batchId: row % 2 === 0 ? 'AAAAAAAAAAE' : '', bytes: bytesOf(length) });

describe('the log', () => {
  test('gives commits back in order, whole, however many parts they lie in', () => {
    const storage = open();
    for (const [row, length] of [[1, 5], [2, 2 * MAX_BLOB_BYTES + 7], [3, MAX_BLOB_BYTES]] as const) storage.appendCommit(commit(row, length));
    expect([...storage.commits({ afterRow: 1, lastRow: 3 })]).toEqual([commit(2, 2 * MAX_BLOB_BYTES + 7), commit(3, MAX_BLOB_BYTES)]);
    expect([...storage.commits({ afterRow: 3, lastRow: 9 })]).toEqual([]);
  });

  test('keeps a row until its frame holds its bytes and the cold pages its keys', () => {
    const storage = open();
    for (const row of [1, 2, 3, 4]) storage.appendCommit(commit(row));
    const rows = () => [...storage.commits({ afterRow: 0, lastRow: 99 })].map((logged) => logged.row);
    storage.sealFrame({ seq: 1, firstRow: 1, lastRow: 3, events: 60, bytes: 9 }, bytesOf(9));
    expect(rows()).toEqual([1, 2, 3, 4]);
    storage.markCheckpoint(2);
    expect(rows()).toEqual([3, 4]);
    storage.markCheckpoint(4);
    expect(rows()).toEqual([4]);
    expect(storage.lastRow()).toBe(4);
  });

  test('remembers the newest row though every row is gone', () => {
    const storage = open();
    storage.appendCommit(commit(1));
    storage.sealFrame({ seq: 1, firstRow: 1, lastRow: 1, events: 10, bytes: 4 }, bytesOf(4));
    storage.markCheckpoint(1);
    expect(storage.logSize()).toEqual({ rows: 0, bytes: 0 });
    expect(storage.lastRow()).toBe(1);
    expect(storage.outbox().nextRow).toBe(2);
  });
});

describe('sealed frames', () => {
  test('survive a new life byte for byte, and go only when acknowledged', () => {
    const database = new DatabaseSync(':memory:');
    const frame = { seq: 1, firstRow: 1, lastRow: 2, events: 30, bytes: 2 * MAX_BLOB_BYTES + 1 };
    open(database).sealFrame(frame, bytesOf(frame.bytes));
    const reborn = open(database, EPOCH + 5);
    expect(reborn.epoch).toBe(EPOCH);
    expect(reborn.outbox()).toMatchObject({ epoch: EPOCH, nextRow: 3, sealedSeq: 1, ackedSeq: 0, sealed: [frame], sealedBytes: frame.bytes, sealedEvents: 30 });
    expect(reborn.frameBytes(1)).toEqual(bytesOf(frame.bytes));
    reborn.deleteFrame(1);
    expect(open(database).outbox()).toMatchObject({ nextRow: 3, sealedSeq: 1, ackedSeq: 1, sealed: [] });
  });
});

test('parts join to what was parted, also where nothing is', () => {
  for (const length of [0, 1, MAX_BLOB_BYTES, MAX_BLOB_BYTES + 1]) expect(joinParts(partsOf(bytesOf(length)))).toEqual(bytesOf(length));
});

test('spill marks rise and are kept by queue', () => {
  const storage = open();
  expect(storage.spillMark('a')).toBe(0);
  storage.setSpillMark('a', 3);
  storage.setSpillMark('b', 1);
  storage.setSpillMark('a', 4);
  expect([storage.spillMark('a'), storage.spillMark('b')]).toEqual([4, 1]);
});

test('the cold store gives pages back by generation, table and bucket, and forgets whole generations', () => {
  const sql = nodeSql(new DatabaseSync(':memory:'));
  migrate(sql, SHARD_MIGRATIONS);
  const store = new SqlColdStore(sql);
  store.writePages(7, [{ table: 1, bucket: 0, bytes: bytesOf(3) }, { table: 2, bucket: 63, bytes: bytesOf(4) }]);
  store.writePages(3, [{ table: 1, bucket: 0, bytes: bytesOf(5) }]);
  expect(store.generations()).toEqual([3, 7]);
  expect(store.readPage(7, 2, 63)).toEqual(bytesOf(4));
  expect(store.readPage(3, 2, 63)).toBeUndefined();
  store.deleteGeneration(7);
  expect(store.generations()).toEqual([3]);
  expect(store.readPage(7, 2, 63)).toBeUndefined();
});
