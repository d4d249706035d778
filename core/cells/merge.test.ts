import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EVENT_KINDS } from '../event.ts';
import type { DeltaRow } from './cell.ts';
import { meetingRow } from './cell-arbitraries.ts';
import { CELL_MEASURES } from './cell-columns.ts';
import { assertDelta, deltaFault } from './delta.ts';
import { cellKey, mergeDeltaRows } from './merge.ts';

const someRows = fc.array(meetingRow, { maxLength: 20 });

test('merging does not depend on order', () => {
  fc.assert(
    fc.property(someRows, someRows, (a, b) => {
      expect(mergeDeltaRows(a, b)).toEqual(mergeDeltaRows(b, a));
    }),
  );
});

test('merging does not depend on grouping', () => {
  fc.assert(
    fc.property(someRows, someRows, someRows, (a, b, c) => {
      expect(mergeDeltaRows(mergeDeltaRows(a, b), c)).toEqual(mergeDeltaRows(a, mergeDeltaRows(b, c)));
    }),
  );
});

test('a merged rollup has each cell once, and adding nothing changes nothing', () => {
  fc.assert(
    fc.property(someRows, (rows) => {
      const rollup = mergeDeltaRows(rows, []);
      expect(new Set(rollup.map(cellKey)).size).toBe(rollup.length);
      expect(mergeDeltaRows(rollup, [])).toEqual(rollup);
      for (const row of rollup) assertDelta(row);
    }),
  );
});

test('merging keeps every total', () => {
  const totalsOf = (rows: readonly DeltaRow[], kind: number) =>
    CELL_MEASURES.map((measure) => rows.filter((row) => row.kind === kind).reduce((sum, row) => sum + row[measure], 0));
  fc.assert(
    fc.property(someRows, someRows, (a, b) => {
      for (const kind of [EVENT_KINDS.click, EVENT_KINDS.impression]) expect(totalsOf(mergeDeltaRows(a, b), kind)).toEqual(totalsOf([...a, ...b], kind));
    }),
  );
});

test('viewers of merged cells are their union, ascending', () => {
  fc.assert(
    fc.property(someRows, (rows) => {
      const expected = new Map<string, Set<bigint>>();
      for (const row of rows) {
        const viewers = expected.get(cellKey(row)) ?? new Set();
        if (row.viewers !== null) for (const hash of new BigUint64Array(row.viewers.slice().buffer)) viewers.add(hash);
        expected.set(cellKey(row), viewers);
      }
      for (const row of mergeDeltaRows(rows, [])) {
        const merged = row.viewers === null ? [] : [...new BigUint64Array(row.viewers.slice().buffer)];
        expect(merged).toEqual([...expected.get(cellKey(row))!].sort((x, y) => (x < y ? -1 : 1)));
      }
    }),
  );
});

const dimensions = { advertiserId: 'a', campaignId: 'c', adId: 'ad', creativeId: '', publisherId: 'p', placementId: '', country: 'US', deviceType: 'other' };
const click = { second: 1, dimensions, kind: 2, disposition: 1, reason: 0, count: 1, billable: 1, viewable: 0, late: 0, costNanos: 5, viewers: null };

test.each([
  ['a fraction', { count: 0.5 }],
  ['not a number', { costNanos: NaN }],
  ['more than a cell can count', { count: 1_000_000_001 }],
  ['a time before 1970', { second: -1 }],
  ['a kind that nobody wrote', { kind: 9 }],
  ['a rejected event', { disposition: 5, reason: 1 }],
  ['a counted event with a reason', { reason: 1 }],
  ['a duplicate without a reason', { disposition: 2, billable: 0, costNanos: 0 }],
  ['a duplicate that costs', { disposition: 2, reason: 1, billable: 0 }],
  ['a billable impression', { kind: 1 }],
  ['a viewable click', { viewable: 1 }],
  ['half a viewer', { viewers: Uint32Array.of(1) }],
  ['no viewers at all', { viewers: new Uint32Array(0) }],
  ['the viewer zero', { viewers: Uint32Array.of(0, 0) }],
  ['a viewer twice', { viewers: Uint32Array.of(1, 2, 1, 2) }],
  ['viewers out of order', { viewers: Uint32Array.of(1, 2, 9, 1) }],
])('a delta row with %s is a bug', (_, change) => {
  expect(deltaFault(click)).toBeNull();
  expect(() => assertDelta({ ...click, ...change })).toThrow('delta row');
});
