import { DISPOSITIONS, REASONS } from '../disposition.ts';
import { assert } from '../errors.ts';
import { type AdTerms, EVENT_FLAGS, EVENT_KINDS, type JudgedFields, type Key64 } from '../event.ts';
import { adKey, combineKeys, isKey } from '../hash.ts';
import type { CellDimensions, JudgeableBatch, Judgement, WaitingClick } from '../judgement/judgement.ts';
import { clickCostNanos } from '../money.ts';
import { CLOCK_SKEW_MS, DAY_MS, type EpochMs } from '../time.ts';
import type { ColdStore } from './cold-store.ts';
import { type ColdTable, ColdTier, firstThatFits, type Generation } from './cold-tier.ts';
import { RememberedTimes } from './remembered-times.ts';
import { hasExpired, MEMORY_TABLES, type MemoryTable, NO_WINDOWS, type RetainedWindows, retentionMs, widen } from './retention.ts';
import { WaitingClicks } from './waiting-clicks.ts';

/** Bounds of a shard's RAM. At each of them the rest is found in the cold store, a little slower; no answer changes. */
export type MemoryLimits = {
  /** Entries in RAM (20 … 26 bytes each); when a checkpoint finds more, the oldest go until half of them are left. */
  readonly entriesMax: number;
  /** Waiting clicks in RAM, some 250 bytes each. */
  readonly waitingClicksMax: number;
  /** New entries after which `shouldCheckpoint` says so, a waiting click as 32 of them: they bound the log that a recovery replays, and a checkpoint's work. */
  readonly checkpointEntries: number;
  /** RAM for the filters of the cold tier: 32 bits an entry where generations are of the usual size, at most 40, and groups that are not yet full. */
  readonly filterBytesMax: number;
};

export const DEFAULT_MEMORY_LIMITS: MemoryLimits = {
  entriesMax: 2_000_000,
  waitingClicksMax: 20_000,
  checkpointEntries: 65_536,
  filterBytesMax: 40 * 1024 * 1024,
};

/** What a counted click without its impression must be remembered by; asked for such clicks only. */
export type DescribeClick = () => { readonly clickId: string; readonly cell: CellDimensions };

/**
 * All that a shard knows of the past. The answers are those of a memory without bounds, for every event that arrives within 24 h of
 * its received time, whatever was checkpointed, dropped from RAM, recovered or expired in between.
 *
 * A new `ShardMemory` over a store that holds generations knows what was known at the last checkpoint; the commits after
 * that are remembered again, in order, by `rememberBatch`.
 */
export class ShardMemory {
  readonly #limits: MemoryLimits;
  readonly #cold: ColdTier;
  readonly #tables: Readonly<Record<Exclude<MemoryTable, 'waiting'>, RememberedTimes>>;
  readonly #waiting: WaitingClicks;
  readonly #adKeys = new Map<string, Key64>();
  #windows: RetainedWindows = NO_WINDOWS;
  #latestReceivedMs: EpochMs = Number.NEGATIVE_INFINITY;
  /** How far events had come at the last checkpoint; NaN before the first. */
  #checkpointedToMs = Number.NaN;

  constructor(store: ColdStore, limits: MemoryLimits = DEFAULT_MEMORY_LIMITS) {
    this.#limits = limits;
    this.#cold = new ColdTier(store, limits.filterBytesMax);
    this.#tables = {
      ids: new RememberedTimes(MEMORY_TABLES.ids, this.#cold),
      settledViews: new RememberedTimes(MEMORY_TABLES.settledViews, this.#cold),
      clicks: new RememberedTimes(MEMORY_TABLES.clicks, this.#cold),
      impressions: new RememberedTimes(MEMORY_TABLES.impressions, this.#cold),
      woken: new RememberedTimes(MEMORY_TABLES.woken, this.#cold),
      batches: new RememberedTimes(MEMORY_TABLES.batches, this.#cold),
    };
    const isWoken = (click: WaitingClick) => this.#tables.woken.anyIn(click.id, click.eventTimeMs, click.eventTimeMs);
    this.#waiting = new WaitingClicks(MEMORY_TABLES.waiting, this.#cold, isWoken);
    this.#recover();
  }

  /** Entries in RAM, waiting clicks not among them. */
  get residentEntries(): number {
    return Object.values(this.#tables).reduce((sum, table) => sum + table.residentCount, 0);
  }

  /** Waiting clicks in RAM. */
  get residentWaitingClicks(): number {
    return this.#waiting.residentCount;
  }

  /** Entries and waiting clicks that no generation holds yet. */
  get newEntries(): number {
    return Object.values(this.#tables).reduce((sum, table) => sum + table.newCount, this.#waiting.newCount);
  }

  get shouldCheckpoint(): boolean {
    return this.newEntries + this.#waiting.newCount * (WAITING_CLICK_WEIGHT - 1) >= this.#limits.checkpointEntries;
  }

  /** Whether a checkpoint is due before events received at this time are judged: they lie so far ahead that the past must leave RAM before they enter it. */
  isLeap(receivedAtMs: EpochMs): boolean {
    return receivedAtMs - this.#checkpointedToMs > LEAP_MS;
  }

  /**
   * To be called before the first event of a batch is judged or remembered: what these will look at then comes from the machine's memory side by
   * side. It makes them faster and changes nothing. Fields are read once more when an event is judged: to keep them would cost more.
   */
  expect(batch: JudgeableBatch): void {
    for (let index = 0; index < batch.eventCount; index++) this.#expectEvent(batch.fields(index), batch.terms(index));
    this.#tables.ids.readExpected();
    this.#tables.impressions.readExpected();
    this.#tables.clicks.readExpected();
  }

  #expectEvent(event: JudgedFields, terms: AdTerms): void {
    const { ids, impressions, clicks } = this.#tables;
    ids.expect(event.id);
    if (isKey(event.join)) impressions.expect(event.join);
    if (event.kind === EVENT_KINDS.click && isKey(event.viewer)) clicks.expect(this.#clickKey(event, terms));
  }

  /** Whether the id was claimed within the retry window; a token's id: ever. */
  hasClaimed(event: JudgedFields, terms: AdTerms): boolean {
    return anyInRetryWindow(this.#tables.ids, event, terms);
  }

  /** Whether a viewable call for this claimed impression has nothing to add: it was viewable, or held, or has had such a call. */
  hasSettledView(event: JudgedFields, terms: AdTerms): boolean {
    return anyInRetryWindow(this.#tables.settledViews, event, terms);
  }

  /** Whether the viewer has a counted click on the ad less than the click window away, before or after. */
  hasClickNear(event: JudgedFields, terms: AdTerms): boolean {
    if (terms.clickWindowMs === 0 || !isKey(event.viewer)) return false;
    const reachMs = terms.clickWindowMs - 1;
    return this.#tables.clicks.anyIn(this.#clickKey(event, terms), event.eventTimeMs - reachMs, event.eventTimeMs + reachMs);
  }

  /** Whether the click's impression was counted, no more than the attribution window before it or two minutes after. */
  hasImpressionFor(event: JudgedFields, terms: AdTerms): boolean {
    if (!isKey(event.join)) return false;
    return this.#tables.impressions.anyIn(event.join, event.eventTimeMs - terms.attributionWindowMs, event.eventTimeMs + CLOCK_SKEW_MS);
  }

  /** The waiting clicks that this counted impression makes billable, oldest first. */
  clicksWokenBy(impression: JudgedFields): WaitingClick[] {
    const { eventTimeMs } = impression;
    const candidates = this.#waiting.find(impression.join, eventTimeMs - CLOCK_SKEW_MS, eventTimeMs + this.#windows.attributionWindowMs);
    return candidates.filter((click) => click.eventTimeMs - eventTimeMs <= click.attributionWindowMs);
  }

  /**
   * Remembers what an event's judgement claims, the same when it is judged and when a recovery reads the judgement from the log.
   * Rejected and filtered events and retries claim nothing.
   */
  remember(event: JudgedFields, terms: AdTerms, judgement: Judgement, describe: DescribeClick): void {
    this.#windows = widen(this.#windows, terms);
    this.#latestReceivedMs = Math.max(this.#latestReceivedMs, event.receivedAtMs);
    if (!claimsId(judgement)) return;
    assert(isKey(event.id), 'every event has an id');
    this.#tables.ids.add(event.id, event.receivedAtMs);
    if (settlesView(judgement)) this.#tables.settledViews.add(event.id, event.receivedAtMs);
    if (judgement.disposition !== DISPOSITIONS.counted) return;
    if (judgement.kind === EVENT_KINDS.click) this.#rememberClick(event, terms, judgement, describe);
    if (judgement.kind === EVENT_KINDS.impression && isKey(event.join)) this.#tables.impressions.add(event.join, event.eventTimeMs);
  }

  /** Remembers that a waiting click found its impression, whose join key is `join`. */
  applyAttribution(join: Key64, click: WaitingClick): void {
    this.#waiting.remove(join, click);
    this.#tables.woken.add(click.id, click.eventTimeMs);
  }

  /** Whether a batch of this name was recorded: a second copy of it, come another way, is nothing new. */
  hasRecorded(batch: Key64): boolean {
    return this.#tables.batches.anyIn(batch, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
  }

  /** Remembers the name of a batch that was committed at `committedAtMs`. */
  rememberRecorded(batch: Key64, committedAtMs: EpochMs): void {
    assert(isKey(batch), 'a batch that is remembered has a name');
    this.#tables.batches.add(batch, committedAtMs);
  }

  /**
   * Writes all that is new, as one generation or, where there is much, as several; then drops from RAM what is over the bounds or out of reach.
   * Log rows up to here are no longer needed for a recovery: the caller notes that in the same transaction. What events received at `aheadToMs` cannot
   * reach is out of reach.
   */
  checkpoint(nowMs: EpochMs, aheadToMs = this.#latestReceivedMs): void {
    this.#latestReceivedMs = Math.max(this.#latestReceivedMs, aheadToMs);
    this.#checkpointedToMs = this.#latestReceivedMs;
    this.#writeNews(nowMs);
    const share = this.residentEntries > this.#limits.entriesMax ? this.#limits.entriesMax / 2 / this.residentEntries : 1;
    for (const name of TABLE_NAMES) {
      const table = this.#tables[name];
      const bound = share < 1 ? table.floorThatKeeps(Math.floor(table.residentCount * share)) : Number.NEGATIVE_INFINITY;
      table.settle(Math.max(bound, this.#outOfReachMs(name)));
    }
    const tooMany = this.#waiting.residentCount > this.#limits.waitingClicksMax;
    const bound = tooMany ? this.#waiting.floorThatKeeps(Math.floor(this.#limits.waitingClicksMax / 2)) : Number.NEGATIVE_INFINITY;
    this.#waiting.settle(Math.max(bound, this.#outOfReachMs('waiting')));
  }

  /**
   * Deletes generations that can change no answer any more: retention has passed since their entries' times and since they were
   * written. `nowMs` is the wall's time for imported history too, so that a file sent once more, in any order, is recognised.
   */
  forget(nowMs: EpochMs): void {
    this.#cold.expire((generation) => TABLE_NAMES_ALL.every((name) => this.#isExpired(generation, name, nowMs)));
  }

  #writeNews(nowMs: EpochMs): void {
    const shares: ColdTable[][] = [];
    for (const name of TABLE_NAMES) shares[MEMORY_TABLES[name]] = this.#tables[name].toColdTables();
    const waiting = this.#waiting.toColdTable();
    shares[MEMORY_TABLES.waiting] = waiting === undefined ? [] : [waiting];
    const generations = Math.max(...shares.map(({ length }) => length));
    for (let at = 0; at < generations; at++) this.#cold.write(nowMs, this.#windows, shares.map((tables) => tables[at]));
  }

  #rememberClick(event: JudgedFields, terms: AdTerms, judgement: Judgement, describe: DescribeClick): void {
    if (isKey(event.viewer)) this.#tables.clicks.add(this.#clickKey(event, terms), event.eventTimeMs);
    if (judgement.billable || !isKey(event.join)) return;
    this.#waiting.add(event.join, {
      id: event.id,
      eventTimeMs: event.eventTimeMs,
      costNanos: clickCostNanos(terms.pricing),
      attributionWindowMs: terms.attributionWindowMs,
      ...describe(),
    });
  }

  #clickKey(event: JudgedFields, terms: AdTerms): Key64 {
    let ad = this.#adKeys.get(terms.adId);
    if (ad === undefined) {
      if (this.#adKeys.size >= AD_KEYS_MAX) this.#adKeys.clear();
      ad = adKey(terms.adId);
      this.#adKeys.set(terms.adId, ad);
    }
    return combineKeys(event.viewer, ad);
  }

  #outOfReachMs(name: MemoryTable): EpochMs {
    return this.#latestReceivedMs - retentionMs(name, this.#windows);
  }

  #isExpired(generation: Generation, name: MemoryTable, nowMs: EpochMs): boolean {
    const summary = generation.tables[MEMORY_TABLES[name]];
    return summary === undefined || hasExpired(name, this.#windows, Math.max(summary.maxMs, generation.writtenAtMs), nowMs);
  }

  /** Takes the newest generations back into RAM, as many as the bound allows and what of them is within reach; every floor lies above the rest. */
  #recover(): void {
    const { generations } = this.#cold;
    if (generations.length === 0) return;
    for (const { windows } of generations) this.#windows = widen(this.#windows, windows);
    this.#latestReceivedMs = latestOf(generations, 'ids');
    this.#checkpointedToMs = this.#latestReceivedMs;
    const first = firstThatFits(generations, this.#limits.entriesMax);
    for (const name of TABLE_NAMES) {
      const table = this.#tables[name];
      table.startAt(Math.max(latestOf(generations.slice(0, first), name) + 1, this.#outOfReachMs(name)));
      for (const generation of generations.slice(first)) for (const page of this.#cold.pagesOf(generation, MEMORY_TABLES[name])) table.restore(page);
    }
    this.#waiting.settle(Math.max(latestOf(generations.slice(0, first), 'waiting') + 1, this.#outOfReachMs('waiting')));
    for (const generation of generations.slice(first)) for (const page of this.#cold.pagesOf(generation, MEMORY_TABLES.waiting)) this.#waiting.restore(page);
  }
}

const TABLE_NAMES = ['ids', 'settledViews', 'clicks', 'impressions', 'woken', 'batches'] as const;
const TABLE_NAMES_ALL: readonly MemoryTable[] = [...TABLE_NAMES, 'waiting'];

/** A waiting click is written as some 300 bytes of JSON: 3 µs, where another entry takes 0.1. A checkpoint of nothing else would take 70 ms. */
const WAITING_CLICK_WEIGHT = 32;

/** Times within some three weeks of each other lie close in RAM (`BucketSegment`), others cost ten times as much; an id may have to be known for nine days. */
const LEAP_MS = 10 * DAY_MS;

/** Ads whose key is kept; beyond, the cache starts anew. */
const AD_KEYS_MAX = 10_000;

function anyInRetryWindow(table: RememberedTimes, event: JudgedFields, terms: AdTerms): boolean {
  if ((event.flags & EVENT_FLAGS.tokenBound) !== 0) return table.anyIn(event.id, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
  return table.anyIn(event.id, event.receivedAtMs - terms.idempotencyWindowMs, event.receivedAtMs + terms.idempotencyWindowMs);
}

function claimsId(judgement: Judgement): boolean {
  switch (judgement.disposition) {
    case DISPOSITIONS.counted:
    case DISPOSITIONS.held:
      return true;
    case DISPOSITIONS.duplicate:
      return judgement.reason !== REASONS.retry;
    case DISPOSITIONS.filtered:
    case DISPOSITIONS.rejected:
      return false;
  }
}

function settlesView(judgement: Judgement): boolean {
  if (judgement.kind === EVENT_KINDS.viewable) return true;
  return judgement.kind === EVENT_KINDS.impression && (judgement.viewable || judgement.disposition === DISPOSITIONS.held);
}

function latestOf(generations: readonly Generation[], name: MemoryTable): EpochMs {
  return generations.reduce((latestMs, generation) => Math.max(latestMs, generation.tables[MEMORY_TABLES[name]]?.maxMs ?? Number.NEGATIVE_INFINITY), Number.NEGATIVE_INFINITY);
}
