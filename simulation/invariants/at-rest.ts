import { ADS, campaignOf } from '../hosts/catalogue.ts';
import { MEASURES, ROLLUP_NAMES, type Measure } from '../engines/rollups.ts';
import type { Row } from '../engines/native-block.ts';
import type { World } from '../world.ts';
import { type JudgedEvent, judgeAll } from './judged-events.ts';
import { checkIdentities } from './identities.ts';
import { checkLedger } from './ledger.ts';
import { checkOneShard } from './one-shard.ts';
import { checkPromises } from './promises.ts';
import { checkReplay } from './replay.ts';
import { checkUniques } from './uniques.ts';

const HOUR_S = 3_600;

/** Everything that must hold once all is delivered and nothing is under way. */
export async function checkAtRest(world: World): Promise<void> {
  const { store, truth, verdict } = world;
  const raw = store.rows('raw_events');
  const { judged, strays } = judgeAll(raw, truth);
  verdict.check(strays.length === 0, 'nothing is stored that nobody sent', () => `marker ${strays[0]!.marker}`);
  const attributed = new Set(store.rows('attributions').map((row) => addressOfClick(row, String(row['click_id']), Number(row['click_time']))));
  for (const event of judged) checkJudgement(world, event, attributed);
  checkPromises(world, raw);
  checkOneShard(world, raw);
  checkIdentities(world, judged);
  world.watch.checkAtRest();
  if (!hasHalfFrame(world)) {
    checkTotals(world, judged);
    checkLedger(world);
    checkUniques(world);
  }
  if (verdict.violation === null) await checkReplay(world);
}

/**
 * Whether a shard lost its storage while only one of a frame's two records was in the log, and so nobody sends the other again: its cells count what no raw row says, or the
 * other way round. What that shard owed is lost, as with any lost disk; raw rows alone are what settlement reads.
 */
function hasHalfFrame({ store, truth }: World): boolean {
  const records = new Map<string, number>();
  for (const { shard, epoch, seq } of store.rows('sink_frames')) {
    const name = `${String(shard)} ${String(epoch)}/${String(seq)}`;
    if (truth.resetShards.has(String(shard))) records.set(name, (records.get(name) ?? 0) + 1);
  }
  return [...records.values()].includes(1);
}

/** Each event got the disposition, the reason, the time and the bill that the rules give it. */
function checkJudgement(world: World, { row, sent, outcome }: JudgedEvent, attributed: ReadonlySet<string>): void {
  const { probes, verdict } = world;
  const reason = String(row['reason']);
  const named = ['', 'retry', 'repeat_click', 'too_late'].includes(reason) ? reason : 'screened';
  const isAttributed = row['kind'] === 'click' && attributed.has(addressOfClick(row, String(row['event_id']), Number(row['event_time'])));
  const isBilled = (row['billable'] === 1 || isAttributed) && row['disposition'] === 'counted';
  const told = [row['disposition'], named, row['kind'], row['event_time'], row['late'] === 1 && row['disposition'] === 'counted', row['viewable'] === 1, isBilled].join(' ');
  const expected = [outcome.disposition, outcome.reason, outcome.kind, outcome.eventTimeMs, outcome.late, outcome.viewable, outcome.billable].join(' ');
  verdict.check(told === expected, 'every event gets the disposition that the rules give', () => `${sent.marker} ${sent.kind} ${sent.eventId} of ${sent.adId}: ${told}, the rules say ${expected}`);
  if (outcome.late) probes.sometimes('an event was late but counted');
  if (outcome.disposition === 'held') probes.sometimes('an event was held');
  if (outcome.kind === 'viewable') probes.sometimes('a viewable call followed its impression');
  if (outcome.reason === 'repeat_click') probes.sometimes('a repeat click was dropped');
  if (sent.token !== null && Number(row['received_at']) >= sent.token.expiresAtMs) probes.sometimes('a token was used after its end');
}

/** Per tenant, ad, hour and outcome: what the rules make of the events, the raw log and each rollup say the same. */
function checkTotals(world: World, judged: readonly JudgedEvent[]): void {
  const expected = new Map<string, Record<Measure, number>>();
  for (const { row, outcome } of judged) {
    const cost = costNanosOf(String(row['ad_id']), outcome);
    add(expected, row, Math.floor(outcome.eventTimeMs / 1_000), { count: 1, billable: Number(outcome.billable), viewable: Number(outcome.viewable), late: Number(outcome.late), cost_nanos: cost });
  }
  const truthful = linesOf(expected);
  const perTable = new Map<string, readonly Row[]>([['deltas', world.store.rows('deltas')]]);
  for (const name of ROLLUP_NAMES) perTable.set(name, world.store.rollups[name].rows().map((rollup) => ({ ...rollup.dimensions, window: rollup.window, ...measuresOf(rollup) })));
  for (const [table, rows] of perTable) {
    const sums = new Map<string, Record<Measure, number>>();
    for (const row of rows) add(sums, row, Number(row['second'] ?? row['window']), measuresOf(row));
    const told = table === 'rollup_1d' ? linesOf(daily(sums)) : linesOf(sums);
    const wanted = table === 'rollup_1d' ? linesOf(daily(expected)) : truthful;
    world.verdict.check(told.join('\n') === wanted.join('\n'), 'counts are conserved per tenant, ad and hour', () => `${table}: ${firstDifference(told, wanted)}`);
  }
  const days = new Set(judged.map(({ outcome }) => Math.floor(outcome.eventTimeMs / 86_400_000)));
  if (days.size > 1) world.probes.sometimes('events fell into two days');
}

/** By the price list alone: a billed click, or an impression when it is first counted. */
function costNanosOf(adId: string, { kind, disposition, billable }: { kind: string; disposition: string; billable: boolean }): number {
  const { pricing } = ADS.find((ad) => ad.adId === adId)!;
  if (pricing.model === 'cpc') return billable ? pricing.micros * 1_000 : 0;
  return pricing.model === 'cpm' && kind === 'impression' && disposition === 'counted' ? pricing.micros : 0;
}

function add(sums: Map<string, Record<Measure, number>>, row: Row, second: number, measures: Readonly<Record<Measure, number>>): void {
  const adId = String(row['ad_id']);
  const name = [campaignOf(adId).advertiserId, String(row['campaign_id']), adId, String(second - (second % HOUR_S)), String(row['kind']), String(row['disposition']), String(row['reason'])].join(' ');
  const sum = sums.get(name) ?? { count: 0, billable: 0, viewable: 0, late: 0, cost_nanos: 0 };
  for (const measure of MEASURES) sum[measure] += measures[measure];
  sums.set(name, sum);
}

function daily(hourly: ReadonlyMap<string, Record<Measure, number>>): Map<string, Record<Measure, number>> {
  const days = new Map<string, Record<Measure, number>>();
  for (const [name, sum] of hourly) {
    const words = name.split(' ');
    words[3] = String(Number(words[3]) - (Number(words[3]) % 86_400));
    const day = days.get(words.join(' ')) ?? { count: 0, billable: 0, viewable: 0, late: 0, cost_nanos: 0 };
    for (const measure of MEASURES) day[measure] += sum[measure];
    days.set(words.join(' '), day);
  }
  return days;
}

function measuresOf(row: Row | Readonly<Record<Measure, number>>): Record<Measure, number> {
  const of = row as Readonly<Record<string, unknown>>;
  return Object.fromEntries(MEASURES.map((measure) => [measure, Number(of[measure])])) as Record<Measure, number>;
}

function linesOf(sums: ReadonlyMap<string, Record<Measure, number>>): string[] {
  return [...sums].map(([name, sum]) => `${name}: ${MEASURES.map((measure) => sum[measure]).join(' ')}`).sort();
}

function firstDifference(told: readonly string[], wanted: readonly string[]): string {
  const extra = told.find((line) => !wanted.includes(line));
  const missing = wanted.find((line) => !told.includes(line));
  return `says "${extra ?? ''}", should say "${missing ?? ''}"`;
}

function addressOfClick(row: Row, clickId: string, timeMs: number): string {
  return `${String(row['shard'])} ${String(row['epoch'])} ${String(row['ad_id'])} ${clickId} ${timeMs}`;
}
