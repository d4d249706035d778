import { createKeyHasher, type KeyHasher } from '../core/hash.ts';
import { DEFAULT_RANGE_LIMITS, type RangeLimits } from '../regional-hub/sink/range-plan.ts';
import { Faults } from './faults.ts';
import { ControlPlane } from './hosts/catalogue.ts';
import { SKEWS_MS } from './kernel/host-clock.ts';
import { Network } from './kernel/network.ts';
import { Random } from './kernel/random.ts';
import { Scheduler } from './kernel/scheduler.ts';
import { Trace } from './kernel/trace.ts';
import type { Plant } from './planted/plant.ts';
import { Probes } from './probes.ts';
import { Truth } from './truth.ts';
import { Verdict } from './violation.ts';

export type SettingOptions = { readonly seed: number; readonly chaosMs: number; readonly plant: Plant; readonly keptLines: number };

/** 2026-11-20T00:00Z: every world lives through a midnight near it. */
const MIDNIGHT_MS = 1_795_132_800_000;

/** Loaded once: making it is the only thing here that really waits. */
const HASHER = await createKeyHasher(0x5eed_0f_5eedn);

/** What everything in one seed's world shares: its time, its network, what its seed drew, and where it is noted what was sent, hit and found wrong. */
export class Setting {
  readonly random: Random;
  readonly trace: Trace;
  readonly scheduler: Scheduler;
  readonly faults: Faults;
  readonly network: Network;
  readonly control: ControlPlane;
  readonly verdict = new Verdict();
  readonly probes = new Probes();
  readonly truth = new Truth();
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

  constructor({ seed, chaosMs, plant, keptLines }: SettingOptions) {
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
  }
}
