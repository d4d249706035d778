import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createKeyHasher } from '../../core/hash.ts';
import { type BatchVerdict, judgeBatch, rememberBatch } from '../../core/judgement/judge-batch.ts';
import type { Attribution, JudgeableBatch, Judgement } from '../../core/judgement/judgement.ts';
import { MapColdStore } from '../../core/memory/map-cold-store.ts';
import { type MemoryLimits, ShardMemory } from '../../core/memory/shard-memory.ts';
import { mulberry32 } from '../../schemas/testing/mulberry32.ts';
import { askOracle, type OracleEvent, type OracleWindows } from './naive-oracle.ts';
import { outcomesOf, plainBatch } from './plain-batch.ts';
import { randomEvents } from './random-events.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const hasher = await createKeyHasher(0x5eed_1234_5678_9abcn);

type Step = 'checkpoint' | 'crash' | 'forget' | 'nothing';

/** A shard in miniature: commits go to a log, a checkpoint shortens it, a crash leaves the store and the log. */
class TinyShard {
  readonly store = new MapColdStore();
  readonly #limits: MemoryLimits;
  #memory: ShardMemory;
  #log: { batch: JudgeableBatch; verdict: BatchVerdict }[] = [];
  readonly judgements: Judgement[] = [];
  readonly attributions: Attribution[] = [];

  constructor(limits: MemoryLimits) {
    this.#limits = limits;
    this.#memory = new ShardMemory(this.store, limits);
  }

  get memory(): ShardMemory {
    return this.#memory;
  }

  record(batch: JudgeableBatch, nowMs: number, latestMs: number): void {
    if (this.#memory.isLeap(latestMs)) {
      this.#memory.checkpoint(nowMs, latestMs);
      this.#log = [];
    }
    const verdict = judgeBatch(batch, this.#memory);
    this.#log.push({ batch, verdict });
    this.judgements.push(...verdict.judgements);
    this.attributions.push(...verdict.attributions);
  }

  do(step: Step, nowMs: number): void {
    if (step === 'checkpoint') {
      this.#memory.checkpoint(nowMs);
      this.#log = [];
    } else if (step === 'crash') {
      this.#memory = new ShardMemory(this.store, this.#limits);
      for (const { batch, verdict } of this.#log) rememberBatch(batch, verdict, this.#memory);
    } else if (step === 'forget') {
      this.#memory.forget(nowMs);
    }
  }
}

function run(events: readonly OracleEvent[], windows: OracleWindows, limits: MemoryLimits, steps: readonly { size: number; step: Step }[]): TinyShard {
  const shard = new TinyShard(limits);
  let wallMs = 0;
  for (let from = 0, turn = 0; from < events.length; turn++) {
    const { size, step } = steps[turn % steps.length]!;
    const batch = events.slice(from, from + size);
    const latestMs = Math.max(...batch.map((event) => event.receivedAtMs));
    shard.record(plainBatch(batch, windows, hasher, from), wallMs, latestMs);
    wallMs = Math.max(wallMs, latestMs);
    shard.do(step, wallMs);
    from += size;
  }
  return shard;
}

const stepArbitrary = fc.record({
  size: fc.integer({ min: 1, max: 40 }),
  step: fc.constantFrom<Step>('checkpoint', 'checkpoint', 'crash', 'forget', 'nothing'),
});
/** Leaves out what an edge would filter as expired: copies of a token's event received over 24 h from the first. */
function withinTokenLife(events: readonly OracleEvent[]): OracleEvent[] {
  const firstMs = new Map<string, number>();
  return events.filter((event) => {
    const name = `${event.kind} ${event.eventId}`;
    if (!firstMs.has(name)) firstMs.set(name, event.receivedAtMs);
    return !event.tokenBound || Math.abs(event.receivedAtMs - firstMs.get(name)!) <= DAY_MS;
  });
}

const windowsArbitrary = fc.record({
  clickWindowMs: fc.constantFrom(0, 60_000, HOUR_MS, DAY_MS),
  idempotencyWindowMs: fc.constantFrom(10 * 60_000, DAY_MS, 7 * DAY_MS),
  attributionWindowMs: fc.constantFrom(30 * 60_000, DAY_MS),
});
const limitsArbitrary = fc.record({
  entriesMax: fc.integer({ min: 0, max: 300 }),
  waitingClicksMax: fc.integer({ min: 0, max: 8 }),
  checkpointEntries: fc.constant(50),
  filterBytesMax: fc.constantFrom(0, 100, 1_000_000),
});

describe('a bounded memory answers like one without bounds', () => {
  test('whatever is checkpointed, evicted, recovered or forgotten', () => {
    fc.assert(
      fc.property(fc.integer(), windowsArbitrary, limitsArbitrary, fc.array(stepArbitrary, { minLength: 1, maxLength: 12 }), fc.constantFrom(HOUR_MS, 3 * DAY_MS, 12 * DAY_MS, 2_000 * DAY_MS), (seed, windows, limits, steps, spanMs) => {
        const edgesMs = [windows.clickWindowMs, windows.attributionWindowMs, -120_000];
        const wildness = { events: 500, spanMs, ads: 3, viewers: 10, disorderMs: DAY_MS - 2 * HOUR_MS, tokenShare: 0.1, edgesMs };
        const events = withinTokenLife(randomEvents(mulberry32(seed), wildness));
        const shard = run(events, windows, limits, steps);
        expect(outcomesOf(events, shard.judgements, shard.attributions)).toEqual(askOracle(events, windows));
      }),
      { numRuns: Number(process.env['MEMORY_RUNS'] ?? 150) },
    );
  }, 600_000);

  test('while it keeps to its bounds and lets expired generations go', () => {
    const windows = { clickWindowMs: 60_000, idempotencyWindowMs: DAY_MS, attributionWindowMs: 30 * 60_000 };
    const events = randomEvents(mulberry32(7), { events: 6_000, spanMs: 30 * DAY_MS, ads: 3, viewers: 200, disorderMs: HOUR_MS, tokenShare: 0, edgesMs: [60_000] });
    const limits = { entriesMax: 400, waitingClicksMax: 10, checkpointEntries: 100, filterBytesMax: 10_000 };
    const shard = new TinyShard(limits);
    let wallMs = 0;
    let generationsMax = 0;
    for (let from = 0; from < events.length; from += 50) {
      const latestMs = Math.max(...events.slice(from, from + 50).map((event) => event.receivedAtMs));
      shard.record(plainBatch(events.slice(from, from + 50), windows, hasher, from), wallMs, latestMs);
      wallMs = Math.max(wallMs, latestMs);
      if (shard.memory.shouldCheckpoint) shard.do('checkpoint', wallMs);
      shard.do('forget', wallMs);
      generationsMax = Math.max(generationsMax, shard.store.generations().length);
      expect(shard.memory.residentWaitingClicks).toBeLessThan(10 + 100);
    }
    expect(shard.store.generations()[0]).toBeGreaterThan(50);
    expect(generationsMax).toBeLessThan(30);
  });
});

test('a file of months that is imported twice, the second time from its end, counts once', () => {
  const windows = { clickWindowMs: HOUR_MS, idempotencyWindowMs: DAY_MS, attributionWindowMs: 30 * 60_000 };
  const events = randomEvents(mulberry32(11), { events: 2_000, spanMs: 120 * DAY_MS, ads: 3, viewers: 40, disorderMs: 1, tokenShare: 0, edgesMs: [60_000] }).filter((event) => !event.screened && !event.viewable);
  const shard = new TinyShard({ entriesMax: 300, waitingClicksMax: 10, checkpointEntries: 100, filterBytesMax: 10_000 });
  const wallMs = Date.parse('2026-11-01T00:00:00Z');
  for (const [turn, copy] of [events, events.toReversed()].entries()) {
    for (let from = 0; from < copy.length; from += 64) {
      const latestMs = Math.max(...copy.slice(from, from + 64).map((event) => event.receivedAtMs));
      shard.record(plainBatch(copy.slice(from, from + 64), windows, hasher, turn * events.length + from), wallMs + turn * HOUR_MS, latestMs);
      if (shard.memory.shouldCheckpoint) shard.do('checkpoint', wallMs + turn * HOUR_MS);
      shard.do('forget', wallMs + turn * HOUR_MS);
    }
  }
  const second = shard.judgements.slice(events.length);
  expect(second.every((judgement) => judgement.reason === 1)).toBe(true);
  expect(shard.attributions.every(({ click }) => Number(click.cell.placementId) < events.length)).toBe(true);
});
