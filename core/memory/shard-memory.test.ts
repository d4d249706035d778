import { expect, test } from 'vitest';
import { judgeBatch } from '../judgement/judge-batch.ts';
import { EVENT_FLAGS, EVENT_KINDS, type JudgedFields } from '../event.ts';
import type { ColdPage } from './cold-store.ts';
import { MapColdStore } from './map-cold-store.ts';
import { DEFAULT_MEMORY_LIMITS, ShardMemory } from './shard-memory.ts';

const T = 1_773_100_800_000;
const TERMS = {
  adId: 'ad-1', campaignId: 'c', advertiserId: 'a', creativeId: '', clickWindowMs: 1_000, idempotencyWindowMs: 86_400_000,
  attributionWindowMs: 1_800_000, pricing: { model: 'cpc', micros: 1, currency: 'USD' } as const,
};
const CELL = { advertiserId: 'a', campaignId: 'c', adId: 'ad-1', creativeId: '', publisherId: 'p', placementId: '', country: '', deviceType: 'other' };

/** A store that notes how large its pages are, and how often one is read. */
class WeighingStore extends MapColdStore {
  pageBytesMax = 0;
  /** Bytes of each generation, in order. */
  readonly written: number[] = [];
  reads = 0;

  override readPage(generation: number, table: number, bucket: number): Uint8Array | undefined {
    this.reads++;
    return super.readPage(generation, table, bucket);
  }

  override writePages(generation: number, pages: readonly ColdPage[]): void {
    this.written.push(pages.reduce((sum, { bytes }) => sum + bytes.length, 0));
    for (const { bytes } of pages) this.pageBytesMax = Math.max(this.pageBytesMax, bytes.length);
    super.writePages(generation, pages);
  }
}

test('any number of clicks may claim one impression: pages stay small, and every click is woken once', () => {
  const clickCount = 8_000;
  const store = new WeighingStore();
  const limits = { ...DEFAULT_MEMORY_LIMITS, entriesMax: 0, waitingClicksMax: 0 };
  const memory = new ShardMemory(store, limits);
  const clicks = Array.from({ length: clickCount }, (_, at) => event({ kind: EVENT_KINDS.click, id: { lo: spread(at), hi: at }, eventTimeMs: T + (at % 1_000_000) }));
  judge(clicks.slice(0, clickCount - 500), memory);
  memory.checkpoint(T);
  judge(clicks.slice(clickCount - 500), memory);
  expect(store.pageBytesMax).toBeLessThanOrEqual(512 * 1024);
  const impression = event({ kind: EVENT_KINDS.impression, id: { lo: 1, hi: 1 }, eventTimeMs: T });
  expect(new Set(judge([impression], memory).attributions.map(({ click }) => click.id.hi)).size).toBe(clickCount);
  expect(judge([event({ kind: EVENT_KINDS.impression, id: { lo: 1, hi: 2 }, eventTimeMs: T + 1 })], memory).attributions.length).toBe(0);
}, 30_000);

test('one viewer with a day of counted clicks on one ad has them all, in RAM and out of it', () => {
  const store = new WeighingStore();
  const memory = new ShardMemory(store, { ...DEFAULT_MEMORY_LIMITS, entriesMax: 0 });
  const clicks = Array.from({ length: 40_000 }, (_, at) => event({ kind: EVENT_KINDS.click, id: { lo: spread(at), hi: 5 }, viewer: { lo: 9, hi: 9 }, eventTimeMs: T + at * 1_000 }));
  judge(clicks, memory);
  for (const step of ['in RAM', 'in the store']) {
    expect(memory.hasClickNear({ ...clicks[20_000]!, eventTimeMs: T + 20_000_500 }, TERMS), step).toBe(true);
    expect(memory.hasClickNear({ ...clicks[0]!, eventTimeMs: T - 1_000 }, TERMS), step).toBe(false);
    memory.checkpoint(T);
  }
  expect(store.pageBytesMax).toBeLessThanOrEqual(512 * 1024);
}, 30_000);

test('a late checkpoint of very many entries becomes several generations, and a memory that opens them answers the same', () => {
  const store = new WeighingStore();
  const limits = { ...DEFAULT_MEMORY_LIMITS, entriesMax: 100_000 };
  const eventAt = (at: number) => event({ kind: EVENT_KINDS.impression, flags: EVENT_FLAGS.tokenBound, id: { lo: spread(at), hi: at }, join: { lo: spread(at), hi: at ^ 0xffff }, eventTimeMs: T + at, receivedAtMs: T + at });
  const memory = new ShardMemory(store, limits);
  judge(Array.from({ length: 140_000 }, (_, at) => eventAt(at)), memory);
  memory.checkpoint(T);
  expect(store.generations().length).toBe(3);
  for (const opened of [memory, new ShardMemory(store, limits), new ShardMemory(store, { ...limits, filterBytesMax: 0 })]) {
    for (let at = 0; at < 280_000; at += 1_001) expect(opened.hasClaimed(eventAt(at), TERMS)).toBe(at < 140_000);
    for (let at = 0; at < 280_000; at += 1_003) expect(opened.hasImpressionFor({ ...eventAt(at), kind: EVENT_KINDS.click }, TERMS)).toBe(at < 140_000);
  }
}, 30_000);

test('a checkpoint writes about a megabyte, and what leaves RAM leaves it by and by, before and after the bound is first passed', () => {
  const store = new WeighingStore();
  const entriesMax = 300_000;
  const memory = new ShardMemory(store, { ...DEFAULT_MEMORY_LIMITS, entriesMax });
  const eventAt = (at: number) => event({ kind: EVENT_KINDS.impression, flags: EVENT_FLAGS.tokenBound, id: { lo: spread(at), hi: at }, join: { lo: spread(at), hi: at ^ 0xffff }, eventTimeMs: T + at, receivedAtMs: T + at });
  let residentMax = 0;
  for (let from = 0; from < 500_000; from += 100) {
    const before = memory.residentEntries;
    judge(Array.from({ length: 100 }, (_, at) => eventAt(from + at)), memory);
    // A hundred events come with two entries each; some segments of both tables, a 256th of them each, may be swept meanwhile.
    expect(before - memory.residentEntries).toBeLessThan((entriesMax + 65_536) / 32);
    if (memory.shouldCheckpoint) memory.checkpoint(T + from);
    residentMax = Math.max(residentMax, memory.residentEntries);
  }
  expect(residentMax).toBeLessThan(entriesMax + 2 * 65_536);
  expect(store.written.length).toBeGreaterThanOrEqual(15);
  expect(Math.max(...store.written)).toBeLessThan(66_000 * 20.5);
  // Each new id is looked for in all generations: that costs no page, or nearly none.
  expect(store.reads).toBeLessThan(500_000 * 0.001);
}, 60_000);

test('clicks that wait for impressions which never come are written in small portions, and leave RAM by and by', () => {
  const store = new WeighingStore();
  const memory = new ShardMemory(store, { ...DEFAULT_MEMORY_LIMITS, waitingClicksMax: 2_000 });
  const clickAt = (at: number) => event({ kind: EVENT_KINDS.click, id: { lo: spread(at), hi: at }, join: { lo: at, hi: spread(at) }, eventTimeMs: T + at });
  let residentMax = 0;
  for (let at = 0; at < 20_000; at++) {
    const before = memory.residentWaitingClicks;
    judge([clickAt(at)], memory);
    expect(before - memory.residentWaitingClicks).toBeLessThanOrEqual(4);
    if (memory.shouldCheckpoint) memory.checkpoint(T + at);
    residentMax = Math.max(residentMax, memory.residentWaitingClicks);
  }
  expect(residentMax).toBeLessThan(2_000 + 2 * 2_048);
  expect(Math.max(...store.written)).toBeLessThan(2_048 * 400);
  const { attributions } = judge(Array.from({ length: 20_000 }, (_, at) => event({ kind: EVENT_KINDS.impression, id: { lo: spread(at), hi: 1e6 }, join: { lo: at, hi: spread(at) }, eventTimeMs: T + at })), memory);
  expect(attributions.map(({ click }) => click.id.hi)).toEqual(Array.from({ length: 20_000 }, (_, at) => at));
}, 60_000);

function spread(number: number): number {
  return Math.imul(number + 1, 2_654_435_761) >>> 0;
}

function event(fields: Partial<JudgedFields>): JudgedFields {
  return { kind: EVENT_KINDS.click, flags: 0, eventTimeMs: T, receivedAtMs: T, id: { lo: 1, hi: 1 }, viewer: { lo: 0, hi: 0 }, join: { lo: 4, hi: 4 }, screenedReason: 0, reasonMask: 0, ...fields };
}

function judge(events: readonly JudgedFields[], memory: ShardMemory) {
  return judgeBatch({ eventCount: events.length, fields: (index) => events[index]!, terms: () => TERMS, dimensions: () => CELL, eventId: (index) => `c${index}` }, memory);
}
