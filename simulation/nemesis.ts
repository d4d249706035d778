import { ANNOUNCED_LEAD_MS } from '../core/routing.ts';
import { decodeFrame, encodeFrame } from '../schemas/wire/frame.ts';
import { signFlush } from '../regional-hub/intake/signature.ts';
import { FLUSH_KEY, REGIONS } from './hosts/catalogue.ts';
import type { FaultName } from './faults.ts';
import { MAX_SKEW_MS } from './kernel/host-clock.ts';
import type { Random } from './kernel/random.ts';
import type { World } from './world.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** A cut between two sites lasts so long at most. */
const CUT_MS_MAX = 4 * MINUTE_MS;
/** … but for what edges hear of their hub. */
const DEAF_MS_MAX = 3 * ANNOUNCED_LEAD_MS;

/** Does harm at the rates that the seed drew, and what operators do meanwhile. */
export class Nemesis {
  readonly #world: World;
  readonly #random: Random;

  constructor(world: World) {
    this.#world = world;
    this.#random = world.random.fork('nemesis');
  }

  /** Plans all of it. */
  begin(): void {
    const world = this.#world;
    this.#planOperators();
    this.#plan('cuts', () => world.network.cut(this.#site(), this.#site(), this.#random.below(CUT_MS_MAX)));
    this.#plan('clogs', () => world.network.clog(this.#site(), this.#site(), this.#random.below(CUT_MS_MAX)));
    this.#plan('deafness', () => world.network.cut(this.#random.pick(world.edgeSites).name, 'kv', this.#random.below(DEAF_MS_MAX)));
    this.#plan('clockJumps', () => this.#random.pick([...world.objectClocks, ...world.edgeSites.map(({ clock }) => clock), ...world.hubSites.map(({ clock }) => clock)]).jump(this.#random.between(-world.skewMs, world.skewMs)));
    this.#plan('edgeDeaths', () => this.#random.pick(world.edgeSites).kill());
    this.#plan('evictions', () => this.#evict());
    this.#plan('staleObjects', () => this.#divide());
    this.#plan('hubDeaths', () => this.#random.pick(world.hubSites).kill());
    this.#plan('hubFreezes', () => this.#random.pick(world.hubSites).freeze());
    this.#plan('resets', () => (this.#random.chance(0.5) ? this.#reset(this.#anyOf(world.shards.names)) : this.#resetNextOne(world.shards.names.length)));
    this.#plan('forgedFrames', () => this.#forge());
    this.#plan('policyChanges', () => this.#random.pick(world.hubSites).changePolicy());
    this.#plan('deploys', () => this.#deploy());
    this.#plan('positionsLost', () => {
      if (world.log.loseAPosition()) world.probes.sometimes('a log lost its place');
    });
    this.#plan('storeCuts', () => world.store.cutOff(this.#random.pick(world.hubNames), this.#random.below(CUT_MS_MAX)));
  }

  /** Resharding, spreading and moving ads and key rotation happen in every world. */
  #planOperators(): void {
    const { scheduler, control, chaosMs } = this.#world;
    scheduler.after(this.#random.below(chaosMs * 0.5), 'operators announce shards', () => {
      control.reshard(scheduler.nowMs, scheduler.nowMs + ANNOUNCED_LEAD_MS, this.#random.between(1, 3));
    });
    for (const adId of ['ad-cpc', 'ad-hot', 'ad-quick']) {
      scheduler.after(this.#random.below(chaosMs * 0.7), `operators spread ${adId}`, () => control.place(scheduler.nowMs, adId, { salts: this.#random.between(1, 6) }));
    }
    for (const adId of ['ad-cpc', 'ad-cpm']) {
      scheduler.after(this.#random.below(chaosMs * 0.7), `operators move ${adId}`, () => control.place(scheduler.nowMs, adId, { homeRegion: this.#random.pick(REGIONS) }));
    }
    scheduler.after(this.#random.below(chaosMs), 'operators sign with another key', () => control.signWith(scheduler.nowMs, 2));
  }

  /** Harm of one kind at random times, so many an hour on average, until the world is healed. */
  #plan(name: FaultName, harm: () => void): void {
    const { faults, scheduler } = this.#world;
    const perHour = faults.rate(name);
    if (perHour === 0) return;
    const next = (): void => {
      scheduler.after((-Math.log(1 - this.#random.next()) * HOUR_MS) / perHour, `nemesis ${name}`, () => {
        if (faults.isHealed) return;
        harm();
        next();
      });
    };
    next();
  }

  #site(): string {
    const { hubNames } = this.#world;
    return this.#random.pick(['clients', 'kv', ...hubNames, ...REGIONS.flatMap((region) => [`pop-${region}`, `objects-${region}`])]);
  }

  #evict(): void {
    const { shards, spills, probes } = this.#world;
    const objects = this.#random.chance(0.8) ? shards : spills;
    const name = this.#anyOf(objects.names);
    if (name === undefined) return;
    if (objects === shards && shards.read(name)('SELECT 1 FROM sealed LIMIT 1').length > 0) probes.sometimes('an object was evicted with frames unsent');
    objects.evict(name);
  }

  #divide(): void {
    const { shards, spills, probes } = this.#world;
    const objects = this.#random.chance(0.8) ? shards : spills;
    const name = this.#anyOf(objects.names);
    if (name === undefined) return;
    probes.sometimes('an object ran beside its successor');
    objects.divide(name);
  }

  /**
   * The storage of a shard is lost, in a network of one hub at any age: the next life's machine may say that it is older than the last. (Where there are two, one hub may
   * take its frames that never heard of the last life, so it is left time enough for any clock to tell.) What no hub has of it is lost with it, and nobody is blamed. A frame of its earlier life comes late.
   */
  #reset(name: string | undefined): void {
    const { shards, truth, watch, scheduler, probes, hubNames } = this.#world;
    if (name === undefined || truth.resetShards.has(name)) return;
    const epochMs = Number(JSON.parse(shards.read(name)<{ value: string }>("SELECT value FROM meta WHERE key = 'epoch'")[0]?.value ?? 'null') ?? scheduler.nowMs);
    if (hubNames.length > 1 && scheduler.nowMs - epochMs < 4 * MAX_SKEW_MS) return;
    truth.resetShards.add(name);
    // What was on its way to the disk gets there, or not, before all of it is lost.
    shards.evict(name);
    watch.forgive(name, shards.read(name));
    shards.reset(name);
    const old = watch.frames.anyInLog((names) => this.#random.pick(names.filter((frame) => frame.startsWith(`${name}/`)).concat(names.slice(0, 1))));
    if (old === undefined || !old.name.startsWith(`${name}/`)) return;
    scheduler.after(this.#random.between(MINUTE_MS, 20 * MINUTE_MS), 'an old frame arrives', () => {
      probes.sometimes('a frame of an earlier life came late');
      this.#post(old.bytes);
    });
  }

  /** Waits for a shard to be made, and takes its storage away when its first frames have just gone and clocks are set back. */
  #resetNextOne(known: number): void {
    const { shards, scheduler, faults, objectClocks, skewMs } = this.#world;
    scheduler.after(5_000, 'nemesis waits', () => {
      const next = shards.names[known];
      if (faults.isHealed) return;
      if (next === undefined) return this.#resetNextOne(known);
      scheduler.after(this.#random.between(5_000, 60_000), 'nemesis resets', () => {
        if (faults.isHealed) return;
        for (const clock of objectClocks) clock.jump(-2 * skewMs);
        this.#reset(next);
        // Somebody asks how it stands, which makes it anew.
        void shards.call(next, (keeper) => keeper.status()).catch(() => undefined);
      });
    });
  }

  /** Somebody who has the flush key sends a frame's name with other bytes. */
  #forge(): void {
    const { watch, probes } = this.#world;
    const original = watch.frames.anyInLog((names) => this.#random.pick(names));
    if (original === undefined) return;
    const frame = decodeFrame(original.bytes);
    const forged = encodeFrame({ ...frame, header: { ...frame.header, createdAtMs: frame.header.createdAtMs + 1 } });
    watch.frames.forged(forged);
    probes.sometimes('a forged frame met its original');
    this.#post(forged);
  }

  #post(frame: Uint8Array): void {
    const hub = this.#random.pick(this.#world.hubSites);
    void hub.flush(frame, signFlush(FLUSH_KEY, frame, hub.clock.nowMs())).catch(() => undefined);
  }

  #deploy(): void {
    const { edgeSites, hubSites, control, scheduler } = this.#world;
    const isHub = this.#random.chance(0.4);
    if (isHub) {
      this.#random.pick(hubSites).deploy();
      control.deploy(scheduler.nowMs, this.#random.chance(0.5));
    } else {
      this.#random.pick(edgeSites).deploy();
    }
  }

  #anyOf(names: readonly string[]): string | undefined {
    return names.length === 0 ? undefined : this.#random.pick(names);
  }
}
