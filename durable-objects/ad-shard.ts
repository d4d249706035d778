import { DurableObject } from 'cloudflare:workers';
import type { DurableObjectState } from '@cloudflare/workers-types';
import { TrackingError } from '../core/errors.ts';
import { backoffMs } from '../core/flush/backoff.ts';
import { requireSecret } from '../schemas/secret.ts';
import { Flusher } from './flusher.ts';
import { HttpHubClient } from './hub-client.ts';
import { Shard } from './shard.ts';
import type { ShardStatus, SpillTicket } from './shard.ts';
import { shardPlace } from './shard-place.ts';
import { workerdSql } from './workerd-sql.ts';

/** What a shard is given by its host. */
export type ShardEnv = {
  /** JSON: region → base URLs of its hubs, in order of preference. */
  readonly HUB_URLS: string;
  /** Base64url; shared with the hubs. */
  readonly FLUSH_KEY: string;
};

/** What a shard says of itself. */
export type AdShardStatus = ShardStatus & { readonly lastFailure: string | null };

/** One alarm works about this long, then the object's other work gets a turn. */
const ALARM_BUDGET_MS = 20_000;

/**
 * Decides exactly once what counts: dedup, join, cells, write-ahead log, outbox. A shell: the rules are in `core`, the storage and the
 * order of things in `Shard`, sending in `Flusher`; here are the runtime's gates, alarms and failures.
 *
 * - `record` reads, judges, stores and books in one synchronous turn: one transaction. The reply leaves when it is durable.
 * - Whatever fails after memory was touched aborts the object: nothing of the turn is stored, and memory is rebuilt from storage.
 * - The alarm flushes. It is armed as long as anything is left to do, and again by the constructor, should an alarm get lost.
 */
export class AdShard extends DurableObject<ShardEnv> {
  readonly #shard: Shard;
  readonly #flusher: Flusher;
  #flushing = false;
  /** When the alarm is set to go off; null while none is. */
  #alarmAtMs: number | null = null;
  /** Flushes in a row that broke an assertion. */
  #troubles = 0;
  #lastTrouble: string | null = null;

  constructor(ctx: DurableObjectState, env: ShardEnv) {
    super(ctx, env);
    const place = shardPlace(ctx.id.name);
    this.#shard = new Shard({ sql: workerdSql(ctx.storage, (cause) => this.#abort('storage failed', cause)), place, nowMs: Date.now() });
    this.#flusher = new Flusher({
      outbox: this.#shard.outbox,
      hub: new HttpHubClient({
        urls: hubUrls(env.HUB_URLS, place.region),
        flushKey: requireSecret('FLUSH_KEY', env.FLUSH_KEY),
        nowMs: () => Date.now(),
      }),
      nowMs: () => Date.now(),
      random: () => Math.random(),
    });
    this.#arm();
  }

  /**
   * Judges a batch and makes it durable: one disposition code an event, in order. Throws `corrupt_bytes` or `overloaded` and then has
   * stored nothing; after any other error the batch may or may not be stored, and may be sent again: its events carry ids.
   */
  async record(batch: Uint8Array): Promise<Uint8Array> {
    const opened = this.#shard.open(batch);
    return this.#commit(() => this.#shard.record(opened, Date.now()));
  }

  /** As `record`, for a spill queue: a ticket that was taken before is not taken again. */
  async recordOnce(ticket: SpillTicket, batch: Uint8Array): Promise<void> {
    if (this.#shard.hasTaken(ticket)) return;
    const opened = this.#shard.open(batch);
    this.#commit(() => this.#shard.recordOnce(ticket, opened, Date.now()));
  }

  /** How the shard stands: for operators and tests. */
  async status(): Promise<AdShardStatus> {
    return { ...this.#shard.status(), lastFailure: this.#lastTrouble ?? this.#flusher.lastFailure };
  }

  /** An operator has seen to what halted this shard: send again, from the same frame. */
  async resume(): Promise<void> {
    this.#shard.outbox.resume();
    this.#arm();
  }

  /** Flushes what is due and checkpoints memory. Never throws: an alarm that throws too often is not called again. */
  override async alarm(): Promise<void> {
    if (this.#flushing) return;
    this.#flushing = true;
    this.#alarmAtMs = null;
    try {
      await this.#flusher.run(ALARM_BUDGET_MS);
      this.#troubles = 0;
      this.#lastTrouble = null;
    } catch (cause) {
      this.#troubles += 1;
      this.#lastTrouble = String(cause);
      console.error(`shard ${this.ctx.id.name}: flush failed:`, cause);
    } finally {
      this.#flushing = false;
      this.#commit(() => this.#shard.checkpointIfDue(Date.now()));
    }
  }

  #commit<Result>(work: () => Result): Result {
    try {
      const result = work();
      this.#arm();
      return result;
    } catch (cause) {
      this.#abort('a commit failed', cause);
      throw cause;
    }
  }

  /** Sets the alarm for what is to be done next. A flush that runs arms when it ends. */
  #arm(): void {
    if (this.#flushing) return;
    const nowMs = Date.now();
    const plan = this.#shard.outbox.plan(nowMs);
    if (plan.kind === 'idle') return;
    const planAtMs = plan.kind === 'sleep' ? plan.wakeAtMs : nowMs;
    const wakeAtMs = this.#troubles === 0 ? planAtMs : Math.max(planAtMs, nowMs + backoffMs(this.#troubles, Math.random()));
    if (this.#alarmAtMs !== null && this.#alarmAtMs <= wakeAtMs) return;
    this.#alarmAtMs = wakeAtMs;
    void this.ctx.storage.setAlarm(wakeAtMs);
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
