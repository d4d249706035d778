import type { ShardKeeper } from '../durable-objects/shard-keeper.ts';
import type { SpillKeeper } from '../durable-objects/spill-keeper.ts';
import type { Edge } from '../edge-worker/edge.ts';
import { LogEngine } from './engines/log-engine.ts';
import { Objects } from './engines/objects.ts';
import { LATE_MS_MAX, StoreEngine } from './engines/store-engine.ts';
import { REGIONS } from './hosts/catalogue.ts';
import { EdgeSite } from './hosts/edge-site.ts';
import { HubSite } from './hosts/hub-site.ts';
import { shardCode, spillCode } from './hosts/shard-code.ts';
import { Watch } from './invariants/watch.ts';
import { HostClock } from './kernel/host-clock.ts';
import type { Probe } from './probes.ts';
import { Setting, type SettingOptions } from './setting.ts';

const OBJECT_MACHINES = 3;

/** One seed's world: the real network over modelled engines, and those who watch it. */
export class World extends Setting {
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

  constructor(options: SettingOptions) {
    super(options);
    const { plant, random } = this;
    this.watch = new Watch(this);
    const common = { scheduler: this.scheduler, faults: this.faults, sometimes: (probe: Probe) => this.probes.sometimes(probe) };
    this.log = new LogEngine({ ...common, random: random.fork('log'), bugs: plant.log ?? {}, partitions: random.between(1, 2), onAppended: (record) => this.watch.appended(record) });
    this.store = new StoreEngine({
      ...common,
      lateMsMax: this.hubNames.length === 1 ? LATE_MS_MAX.oneHub : LATE_MS_MAX.severalHubs,
      random: random.fork('store'),
      bugs: plant.store ?? {},
      onStored: (table, rows) => this.watch.stored(table, rows, this.store.rollups),
      onOverdue: (range, landedAtMs) => this.watch.overdue(range, landedAtMs),
    });
    this.objectClocks = Array.from({ length: OBJECT_MACHINES }, (_, i) => new HostClock(this.scheduler, random.fork(`machine ${i}`), this.skewMs));
    const objects = { ...common, bugs: plant.disk ?? {}, clocks: this.objectClocks, onBroken: this.watch.broken.bind(this.watch) };
    this.shards = new Objects({ ...objects, random: random.fork('shards'), create: (context) => shardCode(this, context), onDurable: (name, rows) => this.watch.shardStored(name, rows) });
    this.spills = new Objects({ ...objects, random: random.fork('spills'), create: (context) => spillCode(this, context), onDurable: (name, rows) => this.watch.spillStored(name, rows) });
    this.edgeSites = REGIONS.map((region) => new EdgeSite(this, region));
    this.hubSites = this.hubNames.map((name) => new HubSite(this, name));
  }

  hub(name: string): HubSite {
    return this.hubSites.find((site) => site.name === name)!;
  }
}
