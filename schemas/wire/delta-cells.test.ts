import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deltaFault, MAX_CELL_COUNT } from '../../core/cells/delta.ts';
import { TrackingError } from '../../core/errors.ts';
import { ByteWriter } from './byte-writer.ts';
import { HAS_VIEWERS } from './delta-cells.ts';
import { decodeDeltaSection, encodeDeltaSection, openDeltaSection } from './delta-section.ts';
import { anyDelta } from './wire-arbitraries.ts';

/** A counted click of one viewer, its bytes told field by field. */
const CLICK = { second: 1_700_000_000, outcome: [2, 1, 0], mask: HAS_VIEWERS, measures: [] as number[], viewers: [7, 1] };

/** A section of one row, as a shard gone mad would write it. */
function sectionOf(change: Partial<typeof CLICK>): Uint8Array {
  const { second, outcome, mask, measures, viewers } = { ...CLICK, ...change };
  const writer = new ByteWriter();
  writer.u8(1);
  writer.varint(1);
  writer.string('x');
  for (const width of [4, 2, 2]) for (let i = 0; i <= width; i++) writer.varint(i === 0 ? 1 : 0);
  writer.varint(1);
  for (const code of outcome) writer.u8(code);
  writer.varint(1);
  writer.signed(second);
  for (let table = 0; table < 4; table++) writer.varint(0);
  writer.u8(mask);
  for (const value of measures) writer.signed(value);
  if ((mask & HAS_VIEWERS) !== 0) writer.varint(viewers.length / 2);
  for (const half of viewers) writer.u32(half);
  writer.varint(0);
  return writer.finish();
}

const [COUNT, BILLABLE, VIEWABLE, LATE, COST] = [1, 2, 4, 8, 16];

describe('cells in columns', () => {
  test('whose rows are sound are read', () => {
    expect(decodeDeltaSection(sectionOf({})).rows).toMatchObject([{ second: 1_700_000_000, kind: 2, disposition: 1, reason: 0, count: 1, viewers: Uint32Array.of(7, 1) }]);
    expect(openDeltaSection(sectionOf({ mask: COUNT! | BILLABLE! | LATE! | COST!, measures: [2, 1, -1, -(2 ** 53 - 1)], viewers: [] })).cells.rowCount).toBe(1);
  });

  test.each([
    ['a second before 1970', { second: -1 }],
    ['a second after the end of time', { second: 4_102_444_801 }],
    ['an unknown kind', { outcome: [9, 1, 0] }],
    ['no kind', { outcome: [0, 1, 0] }],
    ['a disposition that has no cell', { outcome: [2, 5, 1] }],
    ['an unknown reason', { outcome: [2, 3, 32], mask: 0, viewers: [] }],
    ['a reason beside counted', { outcome: [2, 1, 1] }],
    ['no reason beside filtered', { outcome: [2, 3, 0], mask: 0, viewers: [] }],
    ['an unknown mask bit', { mask: HAS_VIEWERS | 64 }],
    ['more counted than a cell can', { mask: COUNT!, measures: [MAX_CELL_COUNT + 1], viewers: [] }],
    ['more billable than a cell can', { mask: BILLABLE!, measures: [-MAX_CELL_COUNT - 1], viewers: [] }],
    ['a usual count written out', { mask: COUNT!, measures: [1], viewers: [] }],
    ['no cost written out', { mask: COST!, measures: [0], viewers: [] }],
    ['a billable impression', { outcome: [1, 1, 0], mask: BILLABLE!, measures: [1], viewers: [] }],
    ['a viewable click', { mask: VIEWABLE!, measures: [1], viewers: [] }],
    ['a billable duplicate', { outcome: [2, 2, 1], mask: BILLABLE!, measures: [1], viewers: [] }],
    ['a late duplicate', { outcome: [2, 2, 1], mask: LATE!, measures: [1], viewers: [] }],
    ['a duplicate that costs', { outcome: [2, 2, 1], mask: COST!, measures: [1], viewers: [] }],
    ['viewers of a duplicate', { outcome: [2, 2, 1] }],
    ['nobody as a viewer', { viewers: [0, 0] }],
    ['a viewer twice', { viewers: [7, 1, 7, 1] }],
    ['viewers that descend', { viewers: [7, 1, 9, 0] }],
    ['viewers said, none there', { viewers: [] }],
  ])('with %s are refused', (_, change) => {
    expect(() => openDeltaSection(sectionOf(change))).toThrow(expect.objectContaining({ code: 'corrupt_bytes' }));
  });

  test('that were damaged are refused, or every row of them is sound', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 });
    let read = 0;
    fc.assert(
      fc.property(fc.array(anyDelta, { minLength: 1, maxLength: 8 }), damage, (rows, changes) => {
        const bytes = encodeDeltaSection({ rows, ledger: [] });
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        try {
          for (const row of decodeDeltaSection(bytes).rows) expect(deltaFault(row)).toBeNull();
          read++;
        } catch (error) {
          if (!(error instanceof TrackingError) || error.code !== 'corrupt_bytes') throw error;
        }
      }),
      { numRuns: 2_000 },
    );
    expect(read).toBeGreaterThan(100);
  });
});
