import type { Database, Statement } from 'better-sqlite3';
import { assert } from '../../core/errors.ts';
import type { PartitionId, RangeClaim, StoredRecord, Topic } from '../log/delta-log.ts';
import { sameRange } from './same-range.ts';
import type { LogDatabase } from './sqlite-log-database.ts';

type RecordRow = { offset: number; key: string; value: Buffer };
type PositionRow = { finished_offset: number; claim_min: number | null; claim_max: number | null; claimed_at_ms: number | null };

/** Statements shared by all partitions of one file. */
export type PartitionStatements = ReturnType<typeof preparePartitionStatements>;

export function preparePartitionStatements(sqlite: Database) {
  return {
    insert: sqlite.prepare('INSERT INTO records (topic, partition, "offset", key, appended_at_ms, value) VALUES (?, ?, ?, ?, ?, ?)'),
    lastOffset: sqlite.prepare('SELECT max("offset") FROM records WHERE topic = ? AND partition = ?').pluck() as Statement<[string, number], number | null>,
    read: sqlite.prepare(
      'SELECT "offset", key, value FROM records WHERE topic = ? AND partition = ? AND "offset" >= ? ORDER BY "offset" LIMIT ?',
    ) as Statement<[string, number, number, number], RecordRow>,
    position: sqlite.prepare('SELECT * FROM positions WHERE topic = ? AND partition = ?') as Statement<[string, number], PositionRow>,
    setPosition: sqlite.prepare('REPLACE INTO positions VALUES (?, ?, ?, ?, ?, ?)'),
  };
}

/**
 * One ordered sequence of records in the file, and how far the store has come with it. The mutable figures mirror the file:
 * they change inside a transaction and are read back from it when that fails.
 */
export class SqlitePartition implements PartitionId {
  readonly topic: Topic;
  readonly partition: number;
  /** Offset of the next record. */
  endOffset = 0;
  /** First offset that is not in the store yet. */
  finishedOffset = 0;
  unfinished: RangeClaim | null = null;
  readonly #statements: PartitionStatements;
  readonly #database: LogDatabase;
  readonly #waiting = new Set<() => void>();

  constructor(id: PartitionId, database: LogDatabase, statements: PartitionStatements) {
    this.topic = id.topic;
    this.partition = id.partition;
    this.#database = database;
    this.#statements = statements;
    this.reload();
  }

  /** Takes the figures from the file. Pruned records leave the finished offset behind, so no offset is ever given twice. */
  reload(): void {
    const position = this.#statements.position.get(this.topic, this.partition);
    const lastOffset = this.#statements.lastOffset.get(this.topic, this.partition);
    this.finishedOffset = position?.finished_offset ?? 0;
    this.endOffset = Math.max(this.finishedOffset, (lastOffset ?? -1) + 1);
    this.unfinished = position === undefined ? null : claimOf(position);
  }

  /** Only inside a transaction of the writer. */
  append(key: string, value: Uint8Array, nowMs: number): void {
    this.#statements.insert.run(this.topic, this.partition, this.endOffset, key, nowMs, value);
    this.endOffset += 1;
  }

  /** Wakes readers, once records are durable. */
  wake(): void {
    for (const resume of this.#waiting) resume();
  }

  /** Resolves at the next `wake`, when `signal` aborts or after `waitMs`. */
  nextWake(waitMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const resume = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', resume);
        this.#waiting.delete(resume);
        resolve();
      };
      const timer = setTimeout(resume, waitMs);
      signal.addEventListener('abort', resume);
      this.#waiting.add(resume);
    });
  }

  read(fromOffset: bigint, maxRecords: number, maxBytes: number): StoredRecord[] {
    const records: StoredRecord[] = [];
    let bytes = 0;
    for (const row of this.#statements.read.iterate(this.topic, this.partition, Number(fromOffset), maxRecords)) {
      bytes += row.value.length;
      if (records.length > 0 && bytes > maxBytes) break;
      records.push({ offset: BigInt(row.offset), key: row.key, value: row.value });
    }
    return records;
  }

  /** Durable before it resolves; false, and nothing written, when `mayWrite` says no at the moment of the commit. */
  claim(range: RangeClaim, mayWrite: () => boolean): Promise<boolean> {
    return this.#writePosition(this.finishedOffset, range, mayWrite);
  }

  /** As `claim`: the range is in the store. */
  finish(range: RangeClaim, mayWrite: () => boolean): Promise<boolean> {
    assert(this.unfinished !== null && sameRange(this.unfinished, range), 'only the claimed range is finished');
    return this.#writePosition(Number(range.maxOffset) + 1, null, mayWrite);
  }

  #writePosition(finishedOffset: number, claim: RangeClaim | null, mayWrite: () => boolean): Promise<boolean> {
    return this.#database.writer
      .write(() => {
        if (!mayWrite()) return false;
        const claimed = claim === null ? [null, null, null] : [claim.minOffset, claim.maxOffset, claim.claimedAtMs];
        this.#statements.setPosition.run(this.topic, this.partition, finishedOffset, ...claimed);
        this.finishedOffset = finishedOffset;
        this.unfinished = claim;
        return true;
      })
      .catch((cause: unknown) => {
        this.reload();
        throw cause;
      });
  }
}

function claimOf(row: PositionRow): RangeClaim | null {
  if (row.claim_min === null || row.claim_max === null || row.claimed_at_ms === null) return null;
  return { minOffset: BigInt(row.claim_min), maxOffset: BigInt(row.claim_max), claimedAtMs: row.claimed_at_ms };
}
