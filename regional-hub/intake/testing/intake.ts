import { DEFAULT_FLUSH_POLICY } from '../../../core/flush/policy.ts';
import { createSqliteDeltaLog } from '../../adapters/sqlite-delta-log.ts';
import { createSqliteFrameIndex } from '../../adapters/sqlite-frame-index.ts';
import { openLogDatabase } from '../../adapters/sqlite-log-database.ts';
import type { PartitionLease, StoredRecord } from '../../log/delta-log.ts';
import { acceptFrame } from '../accept-frame.ts';
import type { FlushOutcome, FlushReply, IntakeDeps } from '../accept-frame.ts';
import { KeyedQueue } from '../keyed-queue.ts';
import { signFlush } from '../signature.ts';
import { WorkBudget } from '../work-budget.ts';

export const NOW_MS = 1_700_000_100_000;
export const FLUSH_KEY = new Uint8Array(32).map((_, i) => i * 7 + 1);

export type TestIntake = IntakeDeps & { readonly outcomes: FlushOutcome[]; close(): Promise<void> };

/** Intake over the embedded log in the file `path`. */
export function openIntake(path: string, overrides: Partial<IntakeDeps> = {}): TestIntake {
  const database = openLogDatabase(path);
  const log = createSqliteDeltaLog({ database, clock: { nowMs: () => NOW_MS } });
  const outcomes: FlushOutcome[] = [];
  return {
    log,
    index: createSqliteFrameIndex(database),
    policies: { forRegion: () => DEFAULT_FLUSH_POLICY },
    metrics: { flushed: (outcome) => outcomes.push(outcome) },
    flushKeys: [FLUSH_KEY],
    gaps: 'refused',
    shards: new KeyedQueue(),
    budget: new WorkBudget(),
    ...overrides,
    outcomes,
    close: async () => {
      await log.close();
      await database.close();
    },
  };
}

/** Hands over a body as its shard signs it. */
export function flush(deps: IntakeDeps, body: Uint8Array, signedBody: Uint8Array = body): Promise<FlushReply> {
  return acceptFrame(deps, { body, signatureHeader: signFlush(FLUSH_KEY, signedBody, NOW_MS), nowMs: NOW_MS });
}

/** Every record in the log, by topic. */
export async function recordsIn({ log }: IntakeDeps): Promise<{ topic: string; record: StoredRecord }[]> {
  const all: { topic: string; record: StoredRecord }[] = [];
  let partitions = (await log.lag()).length;
  await new Promise<void>((resolve, reject) => {
    const onLease = async (lease: PartitionLease) => {
      const records = await lease.read({ fromOffset: 0n, maxRecords: 100_000, maxBytes: 1e9, waitMs: 0 });
      for (const record of records) all.push({ topic: lease.topic, record });
      partitions -= 1;
      if (partitions === 0) resolve();
    };
    log.consume(onLease).catch(reject);
  });
  return all;
}
