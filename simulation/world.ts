import { createKeyHasher, type KeyHasher } from '../core/hash.ts';
import type { ShardKeeper } from '../durable-objects/shard-keeper.ts';
import type { SpillKeeper } from '../durable-objects/spill-keeper.ts';
import type { Edge } from '../edge-worker/edge.ts';
import { DEFAULT_RANGE_LIMITS, type RangeLimits } from '../regional-hub/sink/range-plan.ts';
import { LogEngine } from './engines/log-engine.ts';
import { Objects } from './engines/objects.ts';
import { LATE_MS_MAX, StoreEngine } from './engines/store-engine.ts';
import { Faults } from './faults.ts';
import { ControlPlane, REGIONS } from './hosts/catalogue.ts';
import { EdgeSite, SKEWS_MS } from './hosts/edge-site.ts';
import { HubSite } from './hosts/hub-site.ts';
import { shardCode, spillCode } from './hosts/shard-code.ts';
import { HostClock } from './kernel/host-clock.ts';
import { Network } from './kernel/network.ts';
import { Random } from './kernel/random.ts';
import { Scheduler } from './kernel/scheduler.ts';
import { Trace } from './kernel/trace.ts';
import { Watch } from './invariants/watch.ts';
import type { Plant } from './planted/plant.ts';
import { type Probe, Probes } from './probes.ts';
import { Truth } from './truth.ts';
import { Verdict } from './violation.ts';

/** A machine room with a clock of its own. */
export type Site = { readonly name: string; readonly clock: HostClock };

export type WorldOptions = { readonly seed: number; readonly chaosMs: number; readonly plant: Plant; readonly keptLines: number };

/** 2026-11-20T00:00Z: every world lives through a midnight near it. */
const MIDNIGHT_MS = 1_795_132_800_000;
const OBJECT_MACHINES = 3;

/** Loaded once: making it is the only thing here that really waits. */
const HASHER = await createKeyHasher(0x5eed_0f_5eedn);

/** One seed's world: the real network over modelled engines, and those who watch it. */
export class World {
  readonly random: Random;
  readonly trace: Trace;
  readonly scheduler: Scheduler;
  readonly faults: Faults;
  readonly network: Network;
  readonly control: ControlPlane;
  readonly verdict = new Verdict();
  readonly probes = new Probes();
  readonly truth = new Truth();
  readonly watch: Watch;
  readonly log: LogEngine;
  readonly store: StoreEngine;
  readonly shards: Objects<ShardKeeper>;
  readonly spills: Objects<SpillKeeper>;
  readonly edgeSites: readonly EdgeSite[];
  readonly hubSites: readonly HubSite[];
  readonly objectClocks: readonly HostClock[];
  /** Every isolate there was, by name. */
  readonly edges = new Map<string, Edge>();
  readonly hubNames: readonly string[];
  readonly hasher: KeyHasher = HASHER;
  readonly plant: Plant;
  readonly skewMs: number;
  readonly isMemoryTiny: boolean;
  readonly rangeLimits: RangeLimits;
  /** How long shards and sinks wait for company: frames and ranges of one event, or of many. */
  readonly maxDelayMs: number;
  readonly sinkIntervalMs: number;
  readonly startMs: number;
  readonly chaosMs: number;

  constructor({ seed, chaosMs, plant, keptLines }: WorldOptions) {
    this.plant = plant;
    this.chaosMs = chaosMs;
    this.random = new Random(seed, 'world');
    this.trace = new Trace(keptLines);
    this.startMs = MIDNIGHT_MS - Math.floor(this.random.next() * chaosMs * 0.9 + chaosMs * 0.05);
    this.scheduler = new Scheduler(this.startMs, this.trace);
    this.faults = new Faults(this.random.fork('faults'));
    this.network = new Network(this.scheduler, this.random.fork('network'), this.faults);
    this.skewMs = this.random.pick(SKEWS_MS);
    this.isMemoryTiny = this.random.chance(0.6);
    this.rangeLimits = this.random.chance(0.4) ? { maxFrames: 2, maxBytes: 4_096, maxBlockBytes: 2_048 } : DEFAULT_RANGE_LIMITS;
    this.maxDelayMs = this.random.pick([1_000, 10_000, 30_000, 60_000]);
    this.sinkIntervalMs = this.random.pick([500, 5_000, 20_000]);
    this.hubNames = this.random.chance(0.4) ? ['hub-a', 'hub-b'] : ['hub-a'];
    this.control = new ControlPlane(this.startMs, this.random.between(1, 3));
    this.watch = new Watch(this);
    const common = { scheduler: this.scheduler, faults: this.faults, sometimes: (probe: Probe) => this.probes.sometimes(probe) };
    this.log = new LogEngine({ ...common, random: this.random.fork('log'), bugs: plant.log ?? {}, partitions: this.random.between(1, 2), onAppended: (record) => this.watch.appended(record) });
    this.store = new StoreEngine({ ...common, lateMsMax: this.hubNames.length === 1 ? LATE_MS_MAX.oneHub : LATE_MS_MAX.severalHubs, random: this.random.fork('store'), bugs: plant.store ?? {}, onStored: (table, rows) => this.watch.stored(table, rows), onOverdue: (range, landedAtMs) => this.watch.overdue(range, landedAtMs) });
    this.objectClocks = Array.from({ length: OBJECT_MACHINES }, (_, i) => new HostClock(this.scheduler, this.random.fork(`machine ${i}`), this.skewMs));
    const objects = { ...common, bugs: plant.disk ?? {}, clocks: this.objectClocks, onBroken: this.watch.broken.bind(this.watch) };
    this.shards = new Objects({ ...objects, random: this.random.fork('shards'), create: (context) => shardCode(this, context), onDurable: (name, rows) => this.watch.shardStored(name, rows) });
    this.spills = new Objects({ ...objects, random: this.random.fork('spills'), create: (context) => spillCode(this, context), onDurable: (name, rows) => this.watch.spillStored(name, rows) });
    this.edgeSites = REGIONS.map((region) => new EdgeSite(this, region));
    this.hubSites = this.hubNames.map((name) => new HubSite(this, name));
  }

  hub(name: string): HubSite {
    return this.hubSites.find((site) => site.name === name)!;
  }
}
