import { DurableObject } from 'cloudflare:workers';
import type { DurableObjectNamespace, DurableObjectState } from '@cloudflare/workers-types';
import type { AdShard } from './ad-shard.ts';
import { SpillKeeper } from './spill-keeper.ts';
import type { SpillStatus } from './spill-keeper.ts';
import { workerdSql } from './workerd-sql.ts';

export type { SpillStatus } from './spill-keeper.ts';

/** What a spill queue is given by its host. */
export type SpillEnv = { readonly SHARDS: DurableObjectNamespace<AdShard> };

/** Holds batches whose shard could not be reached, until it can. The runtime's side of a `SpillKeeper`. */
export class SpillQueue extends DurableObject<SpillEnv> {
  readonly #keeper: SpillKeeper;

  constructor(ctx: DurableObjectState, env: SpillEnv) {
    super(ctx, env);
    this.#keeper = new SpillKeeper({
      sql: workerdSql(ctx.storage, (cause) => ctx.abort(`storage failed: ${String(cause)}`)),
      id: ctx.id.toString(),
      nowMs: () => Date.now(),
      random: () => Math.random(),
      setAlarm: (atMs) => void ctx.storage.setAlarm(atMs),
      recordOnce: (shard, ticket, batch) => env.SHARDS.getByName(shard).recordOnce(ticket, batch),
      within,
      log: (message, cause) => console.error(`spill queue: ${message}`, cause ?? ''),
    });
  }

  /** Durable when it resolves; a batch that its edge gave a name (see `AdShard.record`) may be held again, and counts once. Throws `overloaded` at the bound, `corrupt_bytes` for what is not a batch; then nothing is held. */
  async hold(shardName: string, batch: Uint8Array, batchId = ''): Promise<void> {
    this.#keeper.hold(shardName, batch, batchId);
  }

  /** How it stands. */
  status(): SpillStatus {
    return this.#keeper.status();
  }

  override async alarm(): Promise<void> {
    await this.#keeper.alarm();
  }
}

async function within<Result>(limitMs: number, call: Promise<Result>): Promise<Result | 'late'> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), limitMs);
  });
  return Promise.race([call, timeout]).finally(() => clearTimeout(timer));
}
