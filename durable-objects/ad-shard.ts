import { DurableObject } from 'cloudflare:workers';
import type { DurableObjectState } from '@cloudflare/workers-types';
import { TrackingError } from '../core/errors.ts';
import { requireSecret } from '../schemas/secret.ts';
import { HttpHubClient } from './hub-client.ts';
import type { SpillTicket } from './shard.ts';
import { ShardKeeper } from './shard-keeper.ts';
import type { AdShardStatus } from './shard-keeper.ts';
import { shardPlace } from './shard-place.ts';
import { workerdSql } from './workerd-sql.ts';

export type { AdShardStatus } from './shard-keeper.ts';

/** What a shard is given by its host. */
export type ShardEnv = {
  /** JSON: region → base URLs of its hubs, in order of preference. */
  readonly HUB_URLS: string;
  /** Base64url; shared with the hubs. */
  readonly FLUSH_KEY: string;
};

/** Decides exactly once what counts: dedup, join, cells, write-ahead log, outbox. The runtime's side of a `ShardKeeper`. */
export class AdShard extends DurableObject<ShardEnv> {
  readonly #keeper: ShardKeeper;

  constructor(ctx: DurableObjectState, env: ShardEnv) {
    super(ctx, env);
    const place = shardPlace(ctx.id.name);
    const nowMs = () => Date.now();
    this.#keeper = new ShardKeeper({
      sql: workerdSql(ctx.storage, (cause) => this.#abort('storage failed', cause)),
      place,
      hub: new HttpHubClient({ urls: hubUrls(env.HUB_URLS, place.region), flushKey: requireSecret('FLUSH_KEY', env.FLUSH_KEY), nowMs }),
      nowMs,
      random: () => Math.random(),
      setAlarm: (atMs) => void ctx.storage.setAlarm(atMs),
      abort: (what, cause) => this.#abort(what, cause),
      log: (message, cause) => console.error(`shard ${ctx.id.name}: ${message}:`, cause),
    });
  }

  /**
   * Judges a batch and makes it durable: one disposition code an event, in order. Throws `corrupt_bytes` or `overloaded` and then has
   * stored nothing; after any other error the batch may or may not be stored, and may be sent again: its events carry ids. A batch with a name
   * (8 random bytes, base64url) is recorded once, whichever way it comes; a later copy is answered by no code at all.
   */
  async record(batch: Uint8Array, batchId = ''): Promise<Uint8Array> {
    return this.#keeper.record(batch, batchId);
  }

  /** As `record`, for a spill queue: a ticket that was taken before is not taken again. */
  async recordOnce(ticket: Omit<SpillTicket, 'batchId'> & Partial<SpillTicket>, batch: Uint8Array): Promise<void> {
    this.#keeper.recordOnce({ batchId: '', ...ticket }, batch);
  }

  /** How the shard stands: for operators and tests. */
  async status(): Promise<AdShardStatus> {
    return this.#keeper.status();
  }

  /** An operator has seen to what halted this shard: send again, from the same frame. */
  async resume(): Promise<void> {
    this.#keeper.resume();
  }

  override async alarm(): Promise<void> {
    await this.#keeper.alarm();
  }

  #abort(what: string, cause: unknown): void {
    console.error(`shard ${this.ctx.id.name}: ${what}:`, cause);
    this.ctx.abort(`${what}: ${String(cause)}`);
  }
}

/** The hubs of a region. Throws `bad_configuration`: a shard without a hub would fill up in silence. */
function hubUrls(json: string, region: string): string[] {
  let urls: unknown;
  try {
    urls = (JSON.parse(json) as Record<string, unknown>)[region];
  } catch (cause) {
    throw new TrackingError('bad_configuration', 'HUB_URLS is not JSON', { cause });
  }
  if (!Array.isArray(urls) || urls.length === 0 || !urls.every((url) => typeof url === 'string' && /^https?:\/\//.test(url))) {
    throw new TrackingError('bad_configuration', `HUB_URLS has no list of hub URLs for region ${region}`);
  }
  return urls.map((url: string) => url.replace(/\/+$/, ''));
}
