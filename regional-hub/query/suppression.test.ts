import { describe, expect, it } from 'vitest';
import { mulberry32 } from '../../schemas/testing/mulberry32.ts';
import { breakdownPage } from './breakdown-page.ts';
import { parseQueryRequest } from './request.ts';
import { hiddenCells, type Cell } from './suppression.ts';

const MIN = 50;
const hiddenNames = (cells: readonly Cell[]) => {
  const hidden = hiddenCells(cells, MIN);
  return cells.filter((_, index) => hidden[index]).map(({ table, at }) => [table, ...at].join(' ')).sort();
};

describe('hiddenCells', () => {
  const cases: { claim: string; cells: [table: string, at: string, users: number][]; hidden: string[] }[] = [
    { claim: 'a small cell takes the next smallest of its own table with it', cells: [['x', 'US', 3], ['x', 'DE', 80], ['x', 'FR', 60], ['y', 'DE', 50]], hidden: ['x FR', 'x US'] },
    { claim: 'two small cells cover each other', cells: [['y', 'US', 3], ['y', 'FR', 4], ['y', 'DE', 90]], hidden: ['y FR', 'y US'] },
    { claim: 'a table of one cell is its own sum, which hides nothing more', cells: [['w', 'US', 1]], hidden: ['w US'] },
    { claim: 'of equal cells the same one goes, whatever their order', cells: [['z', 'FR', 60], ['z', 'DE', 60], ['z', 'US', 3]], hidden: ['z DE', 'z US'] },
    {
      //            desktop  mobile
      // DE             200     100
      // FR              70      90
      // US             300       3 → hidden; its row then hides US desktop, its column FR mobile, and their crossing FR desktop
      claim: 'where two dimensions divide a table, no row and no column hides one cell alone',
      cells: [['t', 'DE desktop', 200], ['t', 'DE mobile', 100], ['t', 'FR desktop', 70], ['t', 'FR mobile', 90], ['t', 'US desktop', 300], ['t', 'US mobile', 3]],
      hidden: ['t FR desktop', 't FR mobile', 't US desktop', 't US mobile'],
    },
  ];
  it.each(cases)('$claim', ({ cells, hidden }) => {
    const parsed = cells.map(([table, at, users]): Cell => ({ table, at: at.split(' '), users }));
    expect(hiddenNames(parsed)).toEqual(hidden);
    expect(hiddenNames(parsed.toReversed())).toEqual(hidden);
  });
});

/** A cell's clicks are a power of three: sums and differences of sets of cells are then equal only where the sets are. */
type Row = { readonly country: string; readonly device_type: string; readonly users: number; readonly clicks: bigint };

/** As the engine answers `cellsQuestion`: filters on viewers are not among what it is asked. */
function engineRows(rows: readonly Row[], dimensions: readonly ('country' | 'device_type')[]) {
  const names = [...new Set(rows.map((row) => JSON.stringify(dimensions.map((dimension) => row[dimension]))))].sort();
  return names.map((name) => {
    const own = rows.filter((row) => JSON.stringify(dimensions.map((dimension) => row[dimension])) === name);
    const values = Object.fromEntries(dimensions.map((dimension, index) => [dimension, (JSON.parse(name) as string[])[index]]));
    return { ...values, clicks: String(own.reduce((sum, row) => sum + row.clicks, 0n)), unique_users: own.reduce((sum, row) => sum + row.users, 0) };
  });
}

function clicksOf(rows: readonly Row[], text: string, dimensions: readonly ('country' | 'device_type')[]): bigint[] {
  const request = parseQueryRequest(new URLSearchParams(`metrics=clicks${text}`));
  return breakdownPage(engineRows(rows, dimensions), request, MIN).rows.map((row) => BigInt(row['clicks'] as number | string));
}

const subsetsOf = (names: readonly string[]) => Array.from({ length: 2 ** names.length - 1 }, (_, n) => names.filter((_name, at) => ((n + 1) >> at) & 1));
const COUNTRIES = ['', 'AT', 'DE', 'FR', 'US'];
const DEVICES = ['desktop', 'mobile', 'tablet'];

/** The least numbers of people matter most: none, one, just under and just at the floor. */
function drawUsers(random: () => number): number {
  const drawn = [0, 1, 2, MIN - 1, MIN, MIN + 1, 200, 200][Math.floor(random() * 8)] as number;
  return drawn === 200 ? MIN + Math.floor(random() * 200) : drawn;
}

function differencesOf(answers: Iterable<bigint>): Set<bigint> {
  const known = [...new Set([0n, ...answers])];
  return new Set(known.flatMap((a) => known.map((b) => a - b)));
}

it('no answer by country, by a filter of countries or in total, and no two of them subtracted, tell a cell that was withheld', () => {
  for (let seed = 1; seed <= 300; seed += 1) {
    const random = mulberry32(seed);
    const countries = COUNTRIES.filter(() => random() < 0.8);
    const rows = countries.map((country, at): Row => ({ country, device_type: 'mobile', users: drawUsers(random), clicks: 3n ** BigInt(at) }));
    const shown = new Set(clicksOf(rows, '&group_by=country', ['country']));
    const withheld = rows.filter(({ clicks }) => !shown.has(clicks));
    expect(withheld.length, `seed ${seed}`).not.toBe(rows.length === 1 ? 2 : 1);
    const filtered = subsetsOf(countries).map((subset) => `&filter=country:${subset.join('|')}`);
    const answers = filtered.flatMap((filter) => [...clicksOf(rows, filter, ['country']), ...clicksOf(rows, `&group_by=country${filter}`, ['country'])]);
    const total = rows.reduce((sum, { clicks }) => sum + clicks, 0n);
    // The one cell of a table is told by the total, which is never withheld.
    const told = differencesOf([...shown, ...answers, ...(rows.length > 1 ? [total] : [])]);
    for (const cell of withheld) expect(told.has(cell.clicks), `seed ${seed}: ${cell.country}`).toBe(false);
  }
});

it('nor does a breakdown by country and device, under any filters of both, beside the sums of its rows and columns that are shown', () => {
  const CELLS = ['country', 'device_type'] as const;
  for (let seed = 1; seed <= 60; seed += 1) {
    const random = mulberry32(seed);
    const places = COUNTRIES.slice(1).flatMap((country) => DEVICES.map((device_type) => ({ country, device_type }))).filter(() => random() < 0.8);
    const rows = places.map((place, at): Row => ({ ...place, users: drawUsers(random), clicks: 3n ** BigInt(at) }));
    const both = new Set(clicksOf(rows, '&group_by=country,device_type', CELLS));
    const small = rows.filter(({ users }) => users < MIN);
    for (const { clicks } of small) expect(both.has(clicks), `seed ${seed}`).toBe(false);
    const filters = subsetsOf(DEVICES).map((subset) => `filter=device_type:${subset.join('|')}`);
    const byFilter = filters.flatMap((filter) => clicksOf(rows, `&group_by=country&${filter}`, CELLS));
    for (const text of ['&group_by=country&', '&group_by=device_type,country&', '&']) {
      const swapped = clicksOf(rows, `${text}filter=country:${COUNTRIES.slice(1).join('|')}&filter=device_type:${DEVICES.join('|')}`, text.includes('device_type,') ? ['device_type', 'country'] : CELLS);
      byFilter.push(...swapped);
    }
    const sums = [...clicksOf(rows, '&group_by=country', ['country']), ...clicksOf(rows, '&group_by=device_type', ['device_type'])];
    const cells = [...both, ...byFilter];
    const told = new Set([...sums, 0n].flatMap((sum) => [...cells, 0n].flatMap((cell) => [sum - cell, cell - sum])));
    for (const cell of small) expect(told.has(cell.clicks), `seed ${seed}: ${cell.country} ${cell.device_type}`).toBe(false);
  }
});
