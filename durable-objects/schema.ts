import { blob, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core';

/**
 * The tables of an `AdShard`. The hot path speaks SQL itself (the builder is twelve times slower there); this file names the columns
 * for tools and readers, and `schema.test.ts` holds it to the migrations.
 */

/**
 * Write-ahead log: one commit a row, in parts of at most `MAX_BLOB_BYTES`. Its only key is the rowid: a commit is one row written, and at a
 * table's end a third to two thirds fewer pages than in the index that `WITHOUT ROWID` makes of it.
 */
export const log = sqliteTable('log', {
  /** Row and part in one number: `row * LOG_PARTS + part`. */
  place: integer('place').primaryKey(),
  events: integer('events').notNull(),
  committedAtMs: integer('committed_at_ms').notNull(),
  bytes: blob('bytes').notNull(),
  /** The name under which an edge sent the batch; '' for none. */
  batchId: text('batch_id').notNull().default(''),
});

/** Frames that no hub has acknowledged, byte for byte as they are sent, in parts. */
export const sealed = sqliteTable('sealed', {
  /** Number and part: `seq * FRAME_PARTS + part`. */
  place: integer('place').primaryKey(),
  firstRow: integer('first_row').notNull(),
  lastRow: integer('last_row').notNull(),
  events: integer('events').notNull(),
  bytes: blob('bytes').notNull(),
});

/** The cold tier of a shard's memory: checkpointed keys and waiting clicks, as `core/memory` packs them. */
export const pages = sqliteTable('pages', {
  /** Generation, table and bucket: see `places.ts`. */
  place: integer('place').primaryKey(),
  bytes: blob('bytes').notNull(),
});

/** Single values: epoch, policy, marks. JSON. */
export const meta = sqliteTable('meta', {
  key: text('key').primaryKey(),
  value: text('value').notNull(),
});

/** Per spill queue the last batch that it handed over: what makes a forwarded batch count once. */
export const spillMarks = sqliteTable('spill_marks', {
  queue: text('queue').primaryKey(),
  lastSeq: integer('last_seq').notNull(),
});

/** The tables of a `SpillQueue`: batches whose shard could not be reached. */
export const spilled = sqliteTable(
  'spilled',
  {
    shard: text('shard').notNull(),
    seq: integer('seq').notNull(),
    events: integer('events').notNull(),
    heldAtMs: integer('held_at_ms').notNull(),
    /** '' while it waits; the code of the refusal for one that its shard will never take. */
    refused: text('refused').notNull(),
    bytes: blob('bytes').notNull(),
    batchId: text('batch_id').notNull().default(''),
  },
  (table) => [primaryKey({ columns: [table.shard, table.seq] })],
);
