import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { missingForKafka } from '../kafka-jars.ts';
import { outOfBounds, type Verdict } from './ledger.ts';
import { ask } from './http.ts';
import type { PlayLength, Scenario } from './scenario.ts';
import { Stage } from './stage.ts';
import { Traffic } from './traffic.ts';
import { untilConserved, Watch } from './watch.ts';

const KAFKA_LIB = fileURLToPath(new URL('../../.kafka/lib', import.meta.url));
const EVENTS_PER_SECOND = 300;
/** A test run leaves room for what runs beside it. */
const SHORT_EVENTS_PER_SECOND = 100;
const SHORT_PARTITIONS = 8;
const WARM_UP_MS = 3_000;
const COOL_DOWN_MS = 2_000;
const HEAL_WITHIN_MS = 180_000;
const CONSERVED_WITHIN_MS = 120_000;

/** A row of the table. */
export type Outcome = {
  readonly name: string;
  readonly fault: string;
  readonly times: number;
  readonly seconds: number;
  readonly verdict: Verdict;
  /** Ads whose `/v1/query` totals leave the ledger's bounds, in words. */
  readonly queryFaults: readonly string[];
  readonly isConserved: boolean;
  readonly healMs: number;
  readonly peakMb: { readonly workerd: number; readonly hub: number };
  readonly answers: ReadonlyMap<string, number>;
  readonly notes: readonly string[];
  /** Whatever else did not hold. */
  readonly faults: readonly string[];
};

/** Why a scenario cannot run here; null when it can. */
export function missingFor({ spec }: Scenario): string | null {
  return spec.kafkaNodes === undefined ? null : missingForKafka(KAFKA_LIB);
}

/** True when nothing was lost, doubled or invented, every answer came, and every stage agrees. */
export function holds({ verdict, queryFaults, isConserved, healMs, faults }: Outcome): boolean {
  const { lost, doubled, invented, neverAnswered } = verdict;
  return lost + doubled + invented + neverAnswered === 0 && queryFaults.length === 0 && isConserved && Number.isFinite(healMs) && faults.length === 0;
}

/** Plays one scenario to its end and compares the clients' books with what the network says it counted. */
export async function perform(scenario: Scenario, length: PlayLength, say: (line: string) => void): Promise<Outcome | { readonly missing: string }> {
  const missing = missingFor(scenario);
  if (missing !== null) return { missing };
  const prepared = scenario.prepare?.() ?? { spec: scenario.spec, undo: () => undefined };
  if ('missing' in prepared) return prepared;
  let stage: Stage | null = null;
  const clear = async (): Promise<void> => {
    standing.delete(clear);
    await stage?.strike();
    prepared.undo();
  };
  standing.add(clear);
  try {
    stage = await Stage.set(length.short ? { ...prepared.spec, kafkaPartitions: SHORT_PARTITIONS } : prepared.spec);
    return await play(scenario, stage, length, say);
  } catch (error) {
    throw new Error(`${scenario.name}: ${String(error)}\n${stage?.network.log.slice(-4_000) ?? ''}`, { cause: error });
  } finally {
    await clear();
  }
}

const standing = new Set<() => Promise<void>>();

/** Takes down whatever stands: for a run that is broken off. */
export async function clearStages(): Promise<void> {
  await Promise.all([...standing].map((clear) => clear()));
}

async function play(scenario: Scenario, stage: Stage, length: PlayLength, say: (line: string) => void): Promise<Outcome> {
  const startedAtMs = Date.now();
  const traffic = new Traffic({ info: () => stage.info, publisherKey: stage.publisherKey, eventsPerSecond: length.short ? SHORT_EVENTS_PER_SECOND : (scenario.eventsPerSecond ?? EVENTS_PER_SECOND) });
  const watch = new Watch(stage, traffic, startedAtMs);
  await sleep(WARM_UP_MS);
  const deed = await scenario.act({ stage, traffic, watch, length, say });
  const healMs = await watch.untilFresh(deed.liftedAtMs, scenario.healWithinMs ?? HEAL_WITHIN_MS);
  say(`fresh again after ${(healMs / 1_000).toFixed(1)} s, ${JSON.stringify(watch.samples.at(-1))}`);
  await sleep(COOL_DOWN_MS);
  await traffic.end();
  const isConserved = await untilConserved(stage, watch.range(), CONSERVED_WITHIN_MS);
  if (!isConserved) say(`${await whatWaits(stage)}\n${stage.network.log.slice(-6_000)}`);
  const totals = await watch.totals();
  await watch.end();
  const edge = await edgeCounts(stage);
  const seconds = Math.round((Date.now() - startedAtMs) / 1_000);
  const verdict = traffic.ledger.judge(await stage.audit());
  return {
    name: scenario.name,
    fault: scenario.fault,
    times: deed.times,
    seconds,
    verdict,
    queryFaults: outOfBounds(totals, traffic.ledger.perAd()),
    isConserved,
    healMs,
    peakMb: watch.peakMb,
    answers: traffic.answers,
    notes: [...(deed.notes ?? []), ...edge],
    faults: deed.faults ?? [],
  };
}

/** Partitions of the log with records that are not stored, and shards that the sink has given up. */
async function whatWaits({ info }: Stage): Promise<string> {
  const answer = await ask(`${info.hubUrl}/v1/ops/pipeline`, { headers: { authorization: `Bearer ${info.keys.ops}` } });
  if (answer.kind === 'none' || answer.status !== 200) return JSON.stringify(answer);
  const { partitions, haltedShards } = JSON.parse(answer.text) as { partitions: { waitingRecords: number }[]; haltedShards: unknown[] };
  return JSON.stringify({ waiting: partitions.filter(({ waitingRecords }) => waitingRecords > 0), haltedShards });
}

/** What the edge itself says of answers that outran their commits. */
async function edgeCounts(stage: Stage): Promise<string[]> {
  const answer = await ask(`${stage.info.edgeUrl}/healthz`);
  if (answer.kind === 'none' || answer.status !== 200) return ['the edge does not answer'];
  const { isolate } = JSON.parse(answer.text) as { isolate: { unconfirmed: number; spilledBatches: number; parkedBatches: number; lostBatches: number } };
  const { unconfirmed, spilledBatches, parkedBatches, lostBatches } = isolate;
  if (spilledBatches + parkedBatches + lostBatches === 0) return [];
  return [`edge: ${unconfirmed} unconfirmed, ${spilledBatches} batches spilled, ${parkedBatches} still in memory, ${lostBatches} lost`];
}
