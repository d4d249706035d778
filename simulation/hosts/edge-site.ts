import type { ShardKeeper } from '../../durable-objects/shard-keeper.ts';
import type { SpillKeeper } from '../../durable-objects/spill-keeper.ts';
import { edgeApp } from '../../edge-worker/app.ts';
import { readConfig, type EdgeConfig } from '../../edge-worker/config.ts';
import { assembleEdge, type Edge } from '../../edge-worker/edge.ts';
import type { RequestScope, ShardDoor } from '../../edge-worker/ports.ts';
import { shardDoor, spillDoor } from '../../edge-worker/shard-namespace.ts';
import type { Objects } from '../engines/objects.ts';
import type { Watch } from '../invariants/watch.ts';
import { HostClock } from '../kernel/host-clock.ts';
import { Life } from '../kernel/life.ts';
import type { Random } from '../kernel/random.ts';
import type { Setting } from '../setting.ts';
import type { Attempt, ClientReply, ClientRequest } from '../truth.ts';
import { REGIONS, SECRETS, siteOf } from './catalogue.ts';
import { inNewerWords } from './newer-words.ts';

/** What edges have around them. */
type EdgeWorld = Setting & { readonly shards: Objects<ShardKeeper>; readonly spills: Objects<SpillKeeper>; readonly edges: Map<string, Edge>; readonly watch: Watch };

/** The runtime ends what a request left running after this. */
const BACKGROUND_MS = 30_000;
/** An isolate that nobody asks anything is let go. */
const IDLE_MS = 300_000;

const CONFIGS: ReadonlyMap<string, EdgeConfig> = new Map(REGIONS.map((region) => [region, configOf(region)]));

/** One point of presence: it has an isolate or two, which die without notice and are replaced by the next request. */
export class EdgeSite {
  readonly name: string;
  readonly #world: EdgeWorld;
  readonly #random: Random;
  readonly #clock: HostClock;
  readonly #isolates: Isolate[] = [];
  #made = 0;
  /** Whether new isolates run the newer of two versions. */
  #isNewer = false;

  constructor(world: EdgeWorld, region: string) {
    this.name = `pop-${region}`;
    this.#world = world;
    this.#random = world.random.fork(this.name);
    this.#clock = new HostClock(world.scheduler, this.#random, world.skewMs);
    this.region = region;
  }

  readonly region: string;

  get clock(): HostClock {
    return this.#clock;
  }

  async handle(request: ClientRequest, attempt: Attempt): Promise<ClientReply> {
    attempt.deliveries++;
    return this.#isolate().handle(request, attempt);
  }

  /** Ends an isolate: with it goes what its requests left running. */
  kill(): void {
    const isolate = this.#isolates.splice(this.#random.below(Math.max(1, this.#isolates.length)), 1)[0];
    isolate?.end();
  }

  /** New isolates run the other version; old ones go on for a while. */
  deploy(): void {
    this.#isNewer = !this.#isNewer;
    this.#world.scheduler.after(this.#random.below(30_000), `${this.name} deployed`, () => this.kill());
  }

  /** Ends every isolate. */
  close(): void {
    for (const isolate of this.#isolates.splice(0)) isolate.end();
  }

  get isQuiet(): boolean {
    return this.#isolates.every((isolate) => isolate.running === 0);
  }

  #isolate(): Isolate {
    const { scheduler } = this.#world;
    for (const idle of this.#isolates.filter(({ usedAtMs }) => scheduler.nowMs - usedAtMs > IDLE_MS)) {
      this.#isolates.splice(this.#isolates.indexOf(idle), 1);
      idle.end();
    }
    if (this.#isolates.length === 0 || (this.#isolates.length < 2 && this.#random.chance(0.02))) {
      this.#isolates.push(new Isolate(`${this.name}.${this.#made++}`, this.#world, this, this.#random, this.#isNewer));
    }
    return this.#random.pick(this.#isolates);
  }
}

class Isolate {
  usedAtMs: number;
  /** Requests, and what they left running. */
  running = 0;
  readonly #life: Life;
  readonly #world: EdgeWorld;
  readonly #site: EdgeSite;
  readonly #random: Random;
  readonly #edge: Edge;
  readonly #canBeWoken: boolean;

  constructor(name: string, world: EdgeWorld, site: EdgeSite, random: Random, isNewer: boolean) {
    this.#life = new Life(name, world.scheduler);
    this.#world = world;
    this.#site = site;
    this.#random = random.fork(name);
    this.#canBeWoken = this.#random.chance(0.7);
    this.usedAtMs = world.scheduler.nowMs;
    const hasher = world.plant.hasher?.(world.hasher, { region: site.region, nowMs: () => site.clock.nowMs() }) ?? world.hasher;
    const shards = isNewer ? inNewerWords(this.#shardDoor(), () => world.probes.sometimes('a newer version told something unknown')) : this.#shardDoor();
    this.#edge = assembleEdge(CONFIGS.get(site.region)!, {
      shards: world.plant.shardDoor?.(shards, { region: site.region, nowMs: () => site.clock.nowMs() }) ?? shards,
      spill: this.#spillDoor(),
      snapshots: { read: () => this.#life.hear(world.network.request({ from: site.name, to: 'kv', what: `${name} snapshot` }, async () => world.control.text(world.scheduler.nowMs))) },
      random: (bytes) => bytes.map(() => this.#random.below(256)),
      log: (message) => world.scheduler.note(`${name} says ${message}`),
    }, hasher);
    world.edges.set(name, this.#edge);
  }

  end(): void {
    this.#life.end();
  }

  async handle(request: ClientRequest, attempt: Attempt): Promise<ClientReply> {
    this.usedAtMs = this.#world.scheduler.nowMs;
    this.running++;
    const ownLife = new Life(`${this.#life.name} request ${attempt.number}`, this.#world.scheduler);
    this.#life.onEnd(() => ownLife.end());
    let left = 1;
    ownLife.onEnd(() => void this.running--);
    const release = (): void => {
      if (--left === 0) ownLife.end();
    };
    const scope = this.#scope(ownLife, (work) => {
      left++;
      void work.then(release, release);
    });
    const response = await this.#life.hear(Promise.resolve(edgeApp.fetch(requestOf(this.#site.region, request), { edge: this.#edge, scope })));
    const reply = { status: response.status, location: response.headers.get('location') ?? '', body: await response.text() };
    this.#world.scheduler.after(BACKGROUND_MS, `${ownLife.name} is over`, () => ownLife.end());
    release();
    const bent = { ...reply, ...this.#world.plant.reply?.({ path: request.path, ...reply }) };
    this.#world.watch.replied({ isolate: this.#life.name, attempt, request, reply: bent });
    return bent;
  }

  #scope(life: Life, waitUntil: (work: Promise<unknown>) => void): RequestScope {
    const { scheduler } = this.#world;
    return {
      arrivedAtMs: this.#site.clock.nowMs(),
      clock: this.#site.clock,
      canBeWoken: this.#canBeWoken,
      sleep: (durationMs) => life.sleep(durationMs),
      after: (durationMs, work) => scheduler.after(durationMs, `${life.name} timer`, () => life.isAlive && work()),
      waitUntil,
    };
  }

  #shardDoor(): ShardDoor {
    const { network, shards, watch } = this.#world;
    return shardDoor({
      idFromName: (name) => name,
      get: (name: never) => ({
        record: (batch: Uint8Array, batchId: string) =>
          this.#life.hear(network.request({ from: this.#site.name, to: siteOf(name), what: `${this.#life.name} records at ${String(name)}` }, () => shards.call(name, (keeper) => watch.recording(batch, () => keeper.record(batch, batchId))))),
      }),
    });
  }

  #spillDoor() {
    const { network, spills, probes } = this.#world;
    return spillDoor(
      {
        idFromName: (name) => name,
        get: (name: never) => ({
          hold: (shard: string, batch: Uint8Array, batchId: string) => {
            probes.sometimes('a batch went through the spill queue');
            return this.#life.hear(network.request({ from: this.#site.name, to: `objects-${this.#site.region}`, what: `${this.#life.name} spills to ${String(name)}` }, () => spills.call(name, (keeper) => keeper.hold(shard, batch, batchId))));
          },
        }),
      },
      this.#site.region,
    );
  }
}

function requestOf(region: string, { method, path, headers, body }: ClientRequest): Request {
  return new Request(`https://${region}.edge.example${path}`, { method, headers, body });
}

function configOf(region: string): EdgeConfig {
  return readConfig({
    POP: region,
    REGIONS: JSON.stringify(REGIONS),
    SNAPSHOT_KEY: SECRETS.snapshot,
    VIEWER_KEY: SECRETS.viewer,
    TOKEN_KEYS: JSON.stringify([{ kid: 1, secret: SECRETS.token1 }, { kid: 2, secret: SECRETS.token2 }]),
    REDIRECT_BUDGET_MS: '60',
  });
}
