import { FRAME_PARTS, LOG_PARTS } from '../durable-objects/places.ts';
import { checkAtRest } from './invariants/at-rest.ts';
import { checkLifetimes } from './invariants/lifetimes.ts';
import { Nemesis } from './nemesis.ts';
import type { Plant } from './planted/plant.ts';
import type { Probes } from './probes.ts';
import type { Violation } from './violation.ts';
import { Traffic } from './workload/traffic.ts';
import { World } from './world.ts';

export type SeedOptions = {
  readonly seed: number;
  readonly hours: number;
  readonly plant?: Plant;
  /** Lines of the trace to keep for whoever looks into a failure. */
  readonly keptLines?: number;
};

/** What one seed came to. */
export type SeedResult = {
  readonly seed: number;
  readonly violation: Violation | null;
  readonly traceHash: string;
  readonly steps: number;
  readonly events: number;
  readonly probes: Probes;
  /** What went wrong in this world, and the end of its trace. */
  readonly faults: string;
  readonly tail: readonly string[];
};

const HOUR_MS = 3_600_000;
const NOTHING_PLANTED: Plant = { name: 'nothing', story: '' };
/** Once healed, everything must have arrived within this. */
export const CONVERGENCE_MS = 15 * 60_000;
/** Stories that have begun go on in the healed world. */
const STORIES_END_MS = 3_600_000;
const LOOK_EVERY_MS = 2_000;

/** Lives through one world: hours of chaos, then healing, then rest, with every invariant watched. */
export async function runSeed({ seed, hours, plant = NOTHING_PLANTED, keptLines = 0 }: SeedOptions): Promise<SeedResult> {
  const repair = plant.patch?.();
  try {
    const world = new World({ seed, chaosMs: Math.round(hours * HOUR_MS), plant, keptLines });
    checkLifetimes(world.verdict);
    await live(world);
    const { verdict, trace, probes, truth, faults } = world;
    for (const isolate of world.edgeSites) isolate.close();
    return { seed, violation: verdict.violation, traceHash: trace.hash(), steps: trace.steps, events: truth.events.size, probes, faults: faults.describe(), tail: trace.tail() };
  } finally {
    repair?.();
  }
}

async function live(world: World): Promise<void> {
  const { scheduler, verdict, faults } = world;
  const isBroken = (): boolean => verdict.violation !== null;
  const traffic = new Traffic(world);
  new Nemesis(world).begin();
  await scheduler.run(world.startMs + world.chaosMs, isBroken);
  if (isBroken()) return;
  heal(world);
  await scheduler.run(scheduler.nowMs + STORIES_END_MS, () => isBroken() || traffic.left === 0);
  const healedAtMs = scheduler.nowMs;
  while (!isBroken() && !isAtRest(world, traffic) && scheduler.nowMs < healedAtMs + CONVERGENCE_MS) await scheduler.run(scheduler.nowMs + LOOK_EVERY_MS, isBroken);
  if (isBroken()) return;
  verdict.check(isAtRest(world, traffic), 'a healed world converges', () => whatIsLeft(world, traffic));
  verdict.check(faults.isHealed, 'the simulation itself works', () => 'not healed');
  for (const name of world.shards.names) if (isLeftToOperators(world, name)) world.watch.forgive(name, world.shards.read(name));
  if (!isBroken()) await checkAtRest(world);
}

/** Harm ends; hubs that are down start. Objects are evicted once more, as idle ones always are; those whose alarm was given up an operator asks how they stand, which wakes them. */
function heal(world: World): void {
  const { faults, network, hubSites, shards, spills, scheduler } = world;
  faults.heal();
  network.heal();
  for (const hub of hubSites) hub.start();
  for (const objects of [shards, spills]) {
    for (const name of objects.names) objects.evict(name);
    for (const name of objects.exhausted) {
      scheduler.after(1_000, `operator asks ${name}`, () => void objects.call(name, (keeper: { status(): unknown }) => keeper.status()).catch(() => undefined));
    }
  }
}

function isAtRest(world: World, traffic: Traffic): boolean {
  return traffic.left === 0 && world.edgeSites.every((site) => site.isQuiet) && unsentShards(world).length === 0 && heldSpills(world).length === 0 && lagging(world) === 0;
}

function whatIsLeft(world: World, traffic: Traffic): string {
  const busy = world.edgeSites.filter((site) => !site.isQuiet).map(({ name }) => name);
  return `stories ${traffic.left}, edges ${busy.join(' ')}, shards ${unsentShards(world).join(' ')}, spills ${heldSpills(world).join(' ')}, records behind ${lagging(world)}`;
}

/** Shards whose disk holds rows or frames that no hub has acknowledged. */
function unsentShards(world: World): string[] {
  const { shards } = world;
  return shards.names.filter((name) => {
    return !isLeftToOperators(world, name) && shards.read(name)(`SELECT 1 FROM sealed UNION ALL SELECT 1 FROM log WHERE place / ${LOG_PARTS} > coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'sealedRow'), 0) LIMIT 1`).length > 0;
  });
}

/**
 * A shard that stands still until somebody looks: it was reset, speaks as an earlier life and cannot know whether a hub has kept a frame of it; or somebody who
 * has the flush key took its frame's name before it was acknowledged.
 */
function isLeftToOperators({ shards, truth, watch }: World, name: string): boolean {
  const read = shards.read(name);
  const meta = (key: string): unknown => JSON.parse(read<{ value: string }>('SELECT value FROM meta WHERE key = ?', key)[0]?.value ?? 'null');
  switch (meta('halted')) {
    case 'stale_epoch':
      return truth.resetShards.has(name);
    case 'frame_conflict':
      return watch.frames.hasForgedName(name, Number(meta('epoch')), read<{ seq: number }>(`SELECT min(place) / ${FRAME_PARTS} AS seq FROM sealed`)[0]!.seq);
    default:
      return false;
  }
}

function heldSpills({ spills }: World): string[] {
  return spills.names.filter((name) => spills.read(name)('SELECT 1 FROM spilled LIMIT 1').length > 0);
}

function lagging({ log }: World): number {
  return log.lag().reduce((sum, { endOffset, finishedOffset }) => sum + Number(endOffset - finishedOffset), 0);
}
