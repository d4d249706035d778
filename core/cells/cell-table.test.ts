import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DISPOSITIONS } from '../disposition.ts';
import type { DispositionCode, ReasonCode } from '../disposition.ts';
import { EVENT_KINDS } from '../event.ts';
import type { AdTerms, EdgeTally, Key64 } from '../event.ts';
import type { Attribution, Judgement } from '../judgement/judgement.ts';
import type { BookableCommit } from './bookable.ts';
import { fewDimensions, meetingRow } from './cell-arbitraries.ts';
import type { DeltaRow } from './cell.ts';
import { deltaRowAt } from './cell-columns.ts';
import { CellTable } from './cell-table.ts';
import { mergeDeltaRows } from './merge.ts';

type Seen = { ad: number; publisher: number; placement: number; creative: number; country: string; deviceType: string; eventTimeMs: number; receivedAtMs: number; viewer: Key64 };

const ads: AdTerms[] = ['ad-1', 'ad-2'].map((adId) => ({
  adId,
  campaignId: 'spring',
  advertiserId: 'acme',
  creativeId: `creative of ${adId}`,
  clickWindowMs: 0,
  idempotencyWindowMs: 0,
  attributionWindowMs: 0,
  pricing: { model: 'cpc', micros: 250, currency: 'USD' },
}));
const strings = ['', 'pub-1', 'pl-1', 'cr-9'];

const anySeen: fc.Arbitrary<Seen> = fc.record({
  ad: fc.nat(1),
  publisher: fc.nat(1),
  placement: fc.constantFrom(0, 2),
  creative: fc.constantFrom(0, 3),
  country: fc.constantFrom('', 'US'),
  deviceType: fc.constantFrom('mobile', 'other'),
  eventTimeMs: fc.constantFrom(0, 999, 1_000, 1_700_000_000_999, 4_102_444_800_000),
  receivedAtMs: fc.constantFrom(0, 1_000, 1_700_000_001_000),
  viewer: fc.constantFrom({ lo: 0, hi: 0 }, { lo: 1, hi: 0 }, { lo: 0, hi: 1 }, { lo: 2 ** 32 - 1, hi: 2 ** 32 - 1 }),
});

const anyJudgement: fc.Arbitrary<Judgement> = fc
  .record({ disposition: fc.integer({ min: 1, max: 4 }), kind: fc.constantFrom(...Object.values(EVENT_KINDS)), late: fc.boolean(), flag: fc.boolean() })
  .map(({ disposition, kind, late, flag }) => {
    const counted = disposition === DISPOSITIONS.counted;
    const billable = counted && flag && kind === EVENT_KINDS.click;
    return {
      disposition: disposition as DispositionCode,
      reason: (counted ? 0 : 3) as ReasonCode,
      reasonMask: 0,
      kind,
      late: counted && late,
      viewable: counted && flag && (kind === EVENT_KINDS.impression || kind === EVENT_KINDS.viewable),
      billable,
      costNanos: billable ? 250_000 : 0,
    };
  });

const anyTally: fc.Arbitrary<EdgeTally> = fc.record({ region: fc.constantFrom('us', 'eu'), receivedSecond: fc.nat(2), rejection: fc.constantFrom('', 'malformed'), count: fc.nat(9) });
const anyCorrection: fc.Arbitrary<Attribution> = fewDimensions.map((cell) => ({
  eventIndex: 0,
  click: { id: { lo: 1, hi: 1 }, eventTimeMs: 1_700_000_000_500, costNanos: 250_000, attributionWindowMs: 0, clickId: 'c', cell },
}));

const anyCommit: fc.Arbitrary<BookableCommit> = fc
  .record({ events: fc.array(fc.tuple(anySeen, anyJudgement), { maxLength: 12 }), attributions: fc.array(anyCorrection, { maxLength: 3 }), tallies: fc.array(anyTally, { maxLength: 3 }) })
  .map(({ events, attributions, tallies }) => ({ batch: batchOf(events.map(([seen]) => seen), tallies), judgements: events.map(([, judgement]) => judgement), attributions }));

function batchOf(seen: Seen[], tallies: EdgeTally[]): BookableCommit['batch'] {
  return {
    eventCount: seen.length,
    ads,
    strings,
    tallies,
    adIndex: (i) => seen[i]!.ad,
    publisherIndex: (i) => seen[i]!.publisher,
    placementIndex: (i) => seen[i]!.placement,
    creativeIndex: (i) => seen[i]!.creative,
    country: (i) => seen[i]!.country,
    countryCode: (i) => (seen[i]!.country === '' ? 0 : 1),
    deviceType: (i) => seen[i]!.deviceType,
    eventTimeMs: (i) => seen[i]!.eventTimeMs,
    receivedAtMs: (i) => seen[i]!.receivedAtMs,
    viewerLo: (i) => seen[i]!.viewer.lo,
    viewerHi: (i) => seen[i]!.viewer.hi,
  };
}

/** One row an event, written from the rule: adding them up must give what the table gives. */
function naiveRows({ batch, judgements, attributions }: BookableCommit): DeltaRow[] {
  const rows = judgements.map((judgement, i): DeltaRow => {
    const terms = ads[batch.adIndex(i)]!;
    const someone = batch.viewerLo(i) !== 0 || batch.viewerHi(i) !== 0;
    return {
      second: Math.floor(batch.eventTimeMs(i) / 1_000),
      dimensions: {
        advertiserId: terms.advertiserId,
        campaignId: terms.campaignId,
        adId: terms.adId,
        creativeId: strings[batch.creativeIndex(i)] || terms.creativeId,
        publisherId: strings[batch.publisherIndex(i)]!,
        placementId: strings[batch.placementIndex(i)]!,
        country: batch.country(i),
        deviceType: batch.deviceType(i),
      },
      kind: judgement.kind,
      disposition: judgement.disposition,
      reason: judgement.reason,
      count: 1,
      billable: judgement.billable ? 1 : 0,
      viewable: judgement.viewable ? 1 : 0,
      late: judgement.late ? 1 : 0,
      costNanos: judgement.costNanos,
      viewers: judgement.disposition === DISPOSITIONS.counted && someone ? Uint32Array.of(batch.viewerLo(i), batch.viewerHi(i)) : null,
    };
  });
  const corrections = attributions.map(({ click }): DeltaRow => ({ second: 1_700_000_000, dimensions: click.cell, kind: 2, disposition: 1, reason: 0, count: 0, billable: 1, viewable: 0, late: 0, costNanos: click.costNanos, viewers: null }));
  return [...rows, ...corrections];
}

const tableOf = (commits: BookableCommit[]): CellTable => {
  const table = new CellTable({ region: 'us' });
  for (const commit of commits) table.bookCommit(commit);
  return table;
};

const rowsOf = (table: CellTable): DeltaRow[] => {
  const { cells } = table.drain();
  return Array.from({ length: cells.rowCount }, (_, i) => deltaRowAt(cells, i));
};

describe('cells', () => {
  test('hold what their events and corrections add up to', () => {
    fc.assert(
      fc.property(fc.array(anyCommit, { maxLength: 4 }), (commits) => {
        const table = tableOf(commits);
        const rows = rowsOf(table);
        expect(mergeDeltaRows(rows, [])).toEqual(mergeDeltaRows(commits.flatMap(naiveRows), []));
        expect(table.rowCount).toBe(0);
      }),
    );
  });

  test('of two drains add up to those of one', () => {
    fc.assert(
      fc.property(anyCommit, anyCommit, (first, second) => {
        const table = tableOf([first]);
        const early = rowsOf(table);
        table.bookCommit(second);
        expect(mergeDeltaRows(early, rowsOf(table))).toEqual(mergeDeltaRows(rowsOf(tableOf([first, second])), []));
      }),
    );
  });

  test('booked by name or by number are the same cells', () => {
    fc.assert(
      fc.property(fc.array(meetingRow, { maxLength: 20 }), (rows) => {
        const table = new CellTable({ region: 'us' });
        for (const row of rows) table.book(row);
        expect(mergeDeltaRows(rowsOf(table), [])).toEqual(mergeDeltaRows(rows.map((row) => ({ ...row, viewers: null })), []));
      }),
    );
  });

  test('whose cost no number holds come as several rows, each of them exact', () => {
    const table = new CellTable({ region: 'us' });
    const dimensions = { advertiserId: 'a', campaignId: 'c', adId: 'ad', creativeId: '', publisherId: '', placementId: '', country: '', deviceType: 'other' };
    const book = (second: number, billable: number, viewer: number): void =>
      table.book({ second, dimensions, kind: 2, disposition: 1, reason: 0, count: 1, billable, viewable: 0, late: 0, costNanos: billable * 10 ** 12 + 0 }, { lo: viewer, hi: 0 });
    for (let i = 0; i < 30_000; i++) book(7, 1, 1);
    for (let second = 1_000; second < 2_000; second++) book(second, 0, 1);
    for (let i = 0; i < 30_000; i++) book(7, 1, 2);
    const rows = rowsOf(table).filter(({ second }) => second === 7);
    expect(rows.length).toBeGreaterThan(6);
    expect(rows.reduce((sum, { costNanos }) => sum + BigInt(costNanos), 0n)).toBe(60_000n * 10n ** 12n);
    expect(rows.reduce((sum, { count }) => sum + count, 0)).toBe(60_000);
    expect([...new Set(rows.flatMap(({ viewers }) => [...viewers!]))].sort()).toEqual([0, 1, 2]);
  });

  test('survive the growth of their tables', () => {
    const table = new CellTable({ region: 'us' });
    const dimensions = { advertiserId: 'a', campaignId: 'c', adId: 'ad', creativeId: '', publisherId: '', placementId: '', country: '', deviceType: 'other' };
    for (let pass = 0; pass < 2; pass++) {
      for (let second = 0; second < 100_000; second++) {
        table.book({ second, dimensions, kind: 2, disposition: 1, reason: 0, count: 1, billable: 0, viewable: 0, late: 0, costNanos: 0 }, { lo: second + 1, hi: pass });
      }
    }
    expect(table.rowCount).toBe(100_000);
    const rows = rowsOf(table);
    expect(rows.every((row, second) => row.second === second && row.count === 2 && row.viewers?.length === 4)).toBe(true);
    table.book({ second: 5, dimensions, kind: 2, disposition: 1, reason: 0, count: 1, billable: 0, viewable: 0, late: 0, costNanos: 0 });
    expect(rowsOf(table)).toMatchObject([{ second: 5, count: 1, viewers: null }]);
  });
});

test('the ledger has one shard term an event, by received second, and every edge tally', () => {
  fc.assert(
    fc.property(fc.array(anyCommit, { maxLength: 3 }), (commits) => {
      const table = tableOf(commits);
      const { ledger } = table.drain();
      const sum = (rows: typeof ledger) => rows.reduce((total, row) => total + row.count, 0);
      const judgements = commits.flatMap((commit) => commit.judgements);
      for (const [term, code] of Object.entries(DISPOSITIONS)) {
        const events = judgements.filter((judgement) => judgement.disposition === code).length;
        expect(sum(ledger.filter((row) => row.stage === 'shard' && row.region === 'us' && row.term === term))).toBe(events);
      }
      for (const region of ['us', 'eu']) {
        for (const rejection of ['', 'malformed']) {
          const tallied = commits.flatMap((commit) => commit.batch.tallies).filter((tally) => tally.region === region && tally.rejection === rejection);
          const booked = ledger.filter((row) => row.stage === 'edge' && row.region === region && row.term === (rejection || 'accepted'));
          expect(sum(booked)).toBe(tallied.reduce((total, tally) => total + tally.count, 0));
        }
      }
      const keys = ledger.map((row) => JSON.stringify([row.stage, row.region, row.receivedSecond, row.term]));
      expect(new Set(keys).size).toBe(keys.length);
    }),
  );
});
