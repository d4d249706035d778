import Database from 'better-sqlite3';
import { DEFAULT_FLUSH_POLICY, type FlushPolicy } from '../../core/flush/policy.ts';
import { TrackingError } from '../../core/errors.ts';
import { createSqliteFrameIndex } from '../../regional-hub/adapters/sqlite-frame-index.ts';
import { createLogTables } from '../../regional-hub/adapters/sqlite-log-database.ts';
import { acceptFrame, type FlushReply, type IntakeDeps } from '../../regional-hub/intake/accept-frame.ts';
import { KeyedQueue } from '../../regional-hub/intake/keyed-queue.ts';
import { WorkBudget } from '../../regional-hub/intake/work-budget.ts';
import { unpackSectionSync } from '../../regional-hub/log/unpack-section.ts';
import { encodeRange } from '../../regional-hub/sink/range-blocks.ts';
import { startSink } from '../../regional-hub/sink/sink.ts';
import type { LogEngine } from '../engines/log-engine.ts';
import { FENCE_LIMITS, SAFE_BLOCKS, type StoreEngine } from '../engines/store-engine.ts';
import type { Watch } from '../invariants/watch.ts';
import { HostClock } from '../kernel/host-clock.ts';
import { Life } from '../kernel/life.ts';
import type { Random } from '../kernel/random.ts';
import type { Setting } from '../setting.ts';
import { FLUSH_KEY } from './catalogue.ts';

/** What hubs have around them. */
type HubWorld = Setting & { readonly log: LogEngine; readonly store: StoreEngine; readonly watch: Watch };

/** Down for some seconds, sometimes for minutes. */
const RESTART_MS = 3_000;

/** A hub: real intake, real frame index over its own file, real sink; the log, the store and the disk's pace are models. */
export class HubSite {
  readonly name: string;
  readonly clock: HostClock;
  readonly #world: HubWorld;
  readonly #random: Random;
  readonly #file = new Database(':memory:');
  #life: Life | null = null;
  #deps: IntakeDeps | null = null;
  #lives = 0;
  #policy: FlushPolicy;
  #isNewer = false;

  constructor(world: HubWorld, name: string) {
    this.name = name;
    this.#world = world;
    this.#random = world.random.fork(name);
    this.clock = new HostClock(world.scheduler, this.#random, world.skewMs);
    this.#policy = { ...DEFAULT_FLUSH_POLICY, maxDelayMs: world.maxDelayMs };
    createLogTables(this.#file);
    this.start();
  }

  get isUp(): boolean {
    return this.#life !== null;
  }

  start(): void {
    if (this.#life !== null) return;
    const life = new Life(`${this.name}.${this.#lives++}`, this.#world.scheduler);
    this.#life = life;
    const { plant, log } = this.#world;
    const client = plant.deltaLog?.(log.client(life)) ?? log.client(life);
    const deps: IntakeDeps = {
      log: client,
      index: createSqliteFrameIndex({ sqlite: this.#file, writer: this.#writer(life), close: async () => undefined }),
      policies: { forRegion: () => this.#policy },
      metrics: { flushed: (outcome) => this.#world.watch.flushed(outcome) },
      flushKeys: [FLUSH_KEY],
      gaps: this.#world.hubNames.length > 1 ? 'accepted' : 'refused',
      shards: new KeyedQueue(),
      budget: new WorkBudget(),
      unpack: (section, limit) => this.#unpack(life, section, limit),
    };
    this.#deps = plant.intake?.(deps) ?? deps;
    void this.#startSink(life, client);
  }

  /** What a shard sends, to whoever lives here now; nobody may. */
  async flush(body: Uint8Array, signatureHeader: string): Promise<FlushReply> {
    const life = this.#life;
    if (life === null || this.#deps === null) throw new Error('connection refused');
    const reply = await life.hear(acceptFrame(this.#deps, { body, signatureHeader, nowMs: this.clock.nowMs() }));
    return this.#isNewer && reply.status === 200 ? { ...reply, body: JSON.stringify({ ...JSON.parse(reply.body), tide: 'high' }) } : reply;
  }

  /** Ends the process where it stands; another one starts by and by. */
  kill(): void {
    if (this.#life === null) return;
    this.#life.end();
    this.#life = null;
    this.#deps = null;
    const downMs = this.#random.chance(0.1) ? this.#random.below(600_000) : this.#random.delayMs(RESTART_MS);
    this.#world.scheduler.after(downMs, `${this.name} starts`, () => this.start());
  }

  /** The process stands still in the eyes of its peers, and does not know it. */
  freeze(): void {
    if (this.#life !== null) this.#world.log.freeze(this.#life, this.#random.between(5_000, 60_000));
  }

  deploy(): void {
    this.#isNewer = !this.#isNewer;
    this.kill();
  }

  changePolicy(): void {
    const pick = (values: readonly number[]): number => this.#random.pick(values);
    this.#policy = { maxDelayMs: pick([50, 1_000, 20_000]), maxCells: pick([1, 10, 20_000]), maxBytes: pick([65_536, 1_048_576]), maxOutboxBytes: pick([8 * 1_048_576, 256 * 1_048_576]) };
  }

  async #startSink(life: Life, log: IntakeDeps['log']): Promise<void> {
    const { scheduler, store, plant, watch } = this.#world;
    const client = store.client(this.name, life);
    await startSink(log, {
      store: plant.sinkStore?.(client) ?? client,
      clock: this.clock,
      sleep: (delayMs, signal) => Promise.race([life.sleep(delayMs), new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))]),
      random: () => this.#random.next(),
      events: {
        rangeStored: ({ topic, partition, frames }) => scheduler.note(`${life.name} stored ${topic}/${partition} ${frames}`),
        frameRepeated: () => watch.probes.sometimes('a frame reached the log twice'),
        shardHalted: (frame) => watch.halted(frame),
        rangeFailed: ({ error }) => watch.sinkFailed(error),
      },
      limits: this.#world.rangeLimits,
      intervalMs: this.#world.sinkIntervalMs,
      safeBlocks: SAFE_BLOCKS,
      fenceLimits: FENCE_LIMITS,
      encoder: { encode: (log, range, frames) => encodeRange(log, range, frames, { unpack: (section, limit) => this.#unpack(life, section, limit), turn: async () => undefined }) },
    });
  }

  async #unpack(life: Life, section: Uint8Array, limit: { readonly maxOutputLength: number }): Promise<Uint8Array> {
    await life.sleep(this.#random.delayMs(2), 'unpacks');
    return unpackSectionSync(section, limit);
  }

  /** The index's file: a write is there some time later, or, when the process ends before that, not. */
  #writer(life: Life) {
    return {
      write: <Result>(work: () => Result): Promise<Result> =>
        new Promise((resolve, reject) => {
          this.#world.scheduler.after(this.#random.delayMs(5), `${life.name} index`, () => {
            if (!life.isAlive) return this.#world.probes.sometimes('a hub died between append and index');
            try {
              resolve(this.#file.transaction(work).immediate());
            } catch (cause) {
              reject(new TrackingError('storage_failed', 'the index could not be written', { cause }));
            }
          });
        }),
    };
  }
}
