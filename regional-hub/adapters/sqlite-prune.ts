import type { LogDatabase } from './sqlite-log-database.ts';

/** Records deleted in one turn, so that appends never wait long behind it. */
const PRUNE_BATCH = 256;

export type PruneLimits = {
  /** Finished records appended before this are deleted. */
  readonly deleteBeforeMs: number;
  /** While the log is larger than this, so are the oldest finished ones. */
  readonly maxBytes: number;
};

type OldRecord = { topic: string; partition: number; offset: number; appended_at_ms: number; bytes: number };

/** Deletes finished records beyond the limits, oldest first, in small turns while `mayGoOn`. Unfinished ones are never touched. */
export async function pruneRecords({ sqlite, writer }: LogDatabase, limits: PruneLimits, mayGoOn: () => boolean): Promise<void> {
  const oldest = sqlite.prepare<[number], OldRecord>(
    `SELECT r.topic, r.partition, r."offset", r.appended_at_ms, length(r.value) AS bytes
       FROM records r CROSS JOIN positions p ON p.topic = r.topic AND p.partition = r.partition
      WHERE r."offset" < p.finished_offset ORDER BY r.appended_at_ms, r.rowid LIMIT ?`,
  );
  const remove = sqlite.prepare('DELETE FROM records WHERE topic = ? AND partition = ? AND "offset" = ?');
  let totalBytes = usedBytes(sqlite);
  for (let more = true; more && mayGoOn(); ) {
    more = await writer.write(() => {
      const doomed = doomedAmong(oldest.all(PRUNE_BATCH), limits, totalBytes);
      for (const record of doomed) {
        remove.run(record.topic, record.partition, record.offset);
        totalBytes -= record.bytes;
      }
      return doomed.length === PRUNE_BATCH;
    });
  }
}

function usedBytes(sqlite: LogDatabase['sqlite']): number {
  const figure = (name: string) => Number(sqlite.pragma(name, { simple: true }));
  return (figure('page_count') - figure('freelist_count')) * figure('page_size');
}

function doomedAmong(records: readonly OldRecord[], limits: PruneLimits, totalBytes: number): OldRecord[] {
  const doomed: OldRecord[] = [];
  let bytes = totalBytes;
  for (const record of records) {
    if (record.appended_at_ms >= limits.deleteBeforeMs && bytes <= limits.maxBytes) break;
    doomed.push(record);
    bytes -= record.bytes;
  }
  return doomed;
}
