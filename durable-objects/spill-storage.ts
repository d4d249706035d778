import { assert } from '../core/errors.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { EpochMs } from '../core/time.ts';
import { MetaTable } from './meta-table.ts';
import { SPILL_MIGRATIONS, migrate } from './migrations.ts';
import { asBytes } from './sql-port.ts';
import type { SqlPort } from './sql-port.ts';

/** A batch that waits for its shard. `seq` ascends over all batches of a queue, so it does for each shard. */
export type SpilledBatch = { readonly shard: string; readonly seq: number; readonly batchId: string; readonly bytes: Uint8Array };

/** How much a queue holds. */
export type SpillSize = { readonly batches: number; readonly bytes: number };

type SpillMeta = { epoch: EpochMs; lastSeq: number };

/** What a spill queue keeps on disk; synchronous, so what is called in one turn commits together. */
export class SpillStorage {
  readonly #sql: SqlPort;
  readonly #meta: MetaTable<SpillMeta>;
  /** The moment at which this storage was made: numbers of an earlier life mean nothing. */
  readonly epoch: EpochMs;

  constructor(sql: SqlPort, nowMs: EpochMs) {
    migrate(sql, SPILL_MIGRATIONS);
    this.#sql = sql;
    this.#meta = new MetaTable(sql);
    this.epoch = this.#meta.get('epoch') ?? nowMs;
    if (this.#meta.get('epoch') === undefined) this.#meta.set('epoch', nowMs);
  }

  /** Adds a batch at the end of its shard's line. */
  append(batch: { shard: string; events: number; batchId: string; bytes: Uint8Array; heldAtMs: EpochMs }): void {
    const seq = (this.#meta.get('lastSeq') ?? 0) + 1;
    this.#meta.set('lastSeq', seq);
    this.#sql.exec(
      "INSERT INTO spilled (shard, seq, events, held_at_ms, refused, bytes, batch_id) VALUES (?, ?, ?, ?, '', ?, ?)",
      batch.shard, seq, batch.events, batch.heldAtMs, batch.bytes, batch.batchId,
    );
  }

  /** The first batch in a shard's line; undefined when none waits. */
  first(shard: string): SpilledBatch | undefined {
    const [row] = this.#sql.exec<{ seq: number; batch_id: string; bytes: ArrayBuffer | Uint8Array }>(
      "SELECT seq, batch_id, bytes FROM spilled WHERE shard = ? AND refused = '' ORDER BY seq LIMIT 1",
      shard,
    );
    return row === undefined ? undefined : { shard, seq: row.seq, batchId: row.batch_id, bytes: asBytes(row.bytes) };
  }

  /** Shards for which a batch waits. */
  shards(): string[] {
    return this.#sql.exec<{ shard: string }>("SELECT DISTINCT shard FROM spilled WHERE refused = ''").map((row) => row.shard);
  }

  /** The shard has it. */
  delete({ shard, seq }: SpilledBatch): void {
    this.#sql.exec('DELETE FROM spilled WHERE shard = ? AND seq = ?', shard, seq);
  }

  /** The shard will never take it: it leaves the line and stays for an operator to see. */
  refuse({ shard, seq }: SpilledBatch, code: ErrorCode): void {
    this.#sql.exec('UPDATE spilled SET refused = ? WHERE shard = ? AND seq = ?', code, shard, seq);
  }

  /** Everything that is held, refused batches included: they take room too. */
  size(): SpillSize {
    const [size] = this.#sql.exec<{ batches: number; bytes: number | null }>('SELECT count(*) AS batches, sum(length(bytes)) AS bytes FROM spilled');
    assert(size !== undefined, 'a sum has a row');
    return { batches: size.batches, bytes: size.bytes ?? 0 };
  }

  /** Batches that were refused for good. */
  refusedCount(): number {
    return this.#sql.exec<{ count: number }>("SELECT count(*) AS count FROM spilled WHERE refused <> ''")[0]?.count ?? 0;
  }

  /** When the oldest waiting batch came; null when none waits. */
  oldestHeldAtMs(): EpochMs | null {
    return this.#sql.exec<{ oldest: number | null }>("SELECT min(held_at_ms) AS oldest FROM spilled WHERE refused = ''")[0]?.oldest ?? null;
  }
}
