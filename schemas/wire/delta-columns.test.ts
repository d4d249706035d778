import fc from 'fast-check';
import { expect, test } from 'vitest';
import { deltaRowAt } from '../../core/cells/cell-columns.ts';
import { CellTable } from '../../core/cells/cell-table.ts';
import { meetingRow } from '../../core/cells/cell-arbitraries.ts';
import { decodeDeltaSection, encodeCellSection, encodeDeltaSection } from './delta-section.ts';

const anyViewer = fc.constantFrom({ lo: 0, hi: 0 }, { lo: 1, hi: 0 }, { lo: 0, hi: 7 }, { lo: 2 ** 32 - 1, hi: 2 ** 32 - 1 });

test('columns are written as their rows are, byte for byte, and come back as these rows', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(meetingRow, anyViewer), { maxLength: 40 }), (bookings) => {
      const table = new CellTable({ region: 'us' });
      for (const [row, viewer] of bookings) table.book(row, viewer);
      const { cells, ledger } = table.drain();
      const rows = Array.from({ length: cells.rowCount }, (_, i) => deltaRowAt(cells, i));
      const bytes = encodeCellSection({ cells, ledger });
      expect(bytes).toEqual(encodeDeltaSection({ rows, ledger }));
      const sorted = (some: typeof rows) => some.map((row) => JSON.stringify({ ...row, viewers: row.viewers && [...row.viewers] })).sort();
      expect(sorted(decodeDeltaSection(bytes).rows)).toEqual(sorted(rows));
    }),
  );
});
