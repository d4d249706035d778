import { describe, expect, it } from 'vitest';
import { breakdownPage, cellsQuestion } from './breakdown-page.ts';
import { parseQueryRequest, ROWS_MAX } from './request.ts';

const request = parseQueryRequest(new URLSearchParams('metrics=clicks&group_by=country&granularity=1h'));
const cells = (window: number, count: number, users: number) => Array.from({ length: count }, (_, n) => ({ window_second: window, country: String(n).padStart(6, '0'), clicks: users, unique_users: users }));

it('a window that the engine cut is left to the next page, since some of its cells are unknown', () => {
  const page = breakdownPage([...cells(3_600, 1_000, 80), ...cells(7_200, ROWS_MAX - 999, 80)], request, 50);
  expect([page.rows.length, page.suppressed, page.next?.windowSecond]).toEqual([1_000, 0, 3_600]);
  const rest = breakdownPage([...cells(3_600, 1_000, 80), ...cells(7_200, 5, 80)], { ...request, after: page.next }, 50);
  expect([rest.rows.length, rest.next]).toEqual([5, null]);
});

it('windows without a visible cell are passed, and their names are not told', () => {
  const page = breakdownPage([...cells(3_600, 1_000, 3), ...cells(7_200, ROWS_MAX - 999, 80)], request, 50);
  expect([page.rows.length, page.suppressed]).toEqual([0, 1_000]);
  expect(page.next).toEqual({ windowSecond: 3_600, dimensions: ['\uffff'] });
});

it('more cells in one window than can be judged together are refused', () => {
  expect(() => breakdownPage(cells(3_600, ROWS_MAX + 1, 80), request, 50)).toThrow(/cells in one window/);
});

describe('filters by viewers', () => {
  const rows = [
    { country: 'DE', clicks: '120', cost_nanos: '600', unique_users: '120' },
    { country: 'FR', clicks: '60', cost_nanos: '600', unique_users: '60' },
    { country: 'IT', clicks: '70', cost_nanos: '600', unique_users: '70' },
    { country: 'US', clicks: '2', cost_nanos: '600', unique_users: '2' },
  ];
  const ask = (text: string) => breakdownPage(rows, parseQueryRequest(new URLSearchParams(`metrics=clicks,spend_micros,unique_users&${text}`)), 50);
  const row = (clicks: number, spend_micros: number, unique_users: number | null) => ({ window: '1970-01-01T00:00:00.000Z', clicks, spend_micros, unique_users });

  it.each([
    { filter: 'country:DE', rows: [row(120, 1, 120)], suppressed: 0 },
    { filter: 'country:FR', rows: [], suppressed: 1 },
    { filter: 'country:US', rows: [], suppressed: 1 },
    { filter: 'country:FR|US', rows: [], suppressed: 2 },
    { filter: 'country:DE|US', rows: [row(120, 1, 120)], suppressed: 1 },
    { filter: 'country:DE|IT|US', rows: [row(190, 1, null)], suppressed: 1 },
    { filter: 'country:DE|FR|IT|US', rows: [row(190, 1, null)], suppressed: 2 },
    { filter: 'country:SE', rows: [row(0, 0, 0)], suppressed: 0 },
    { filter: 'country:DE&filter=country:FR', rows: [row(0, 0, 0)], suppressed: 0 },
  ])('pick among judged cells, and a union holds the visible ones: $filter', ({ filter, ...expected }) => {
    expect(ask(`filter=${filter}`)).toEqual({ ...expected, next: null });
  });

  it('pages are cut from the cells that are picked', () => {
    const picked = ask('group_by=country&filter=country:IT|FR|DE&limit=1');
    expect([picked.rows.map(({ country }) => country), picked.suppressed, picked.next?.dimensions]).toEqual([['DE'], 0, ['DE']]);
  });

  it('ask the engine for every cell of the dimension that they pick in', () => {
    const question = { ...parseQueryRequest(new URLSearchParams('metrics=clicks&group_by=ad_id&filter=country:FR&filter=ad_id:a&filter=device_type:mobile')), measures: ['clicks'] as const, onlyWindows: null, kind: null };
    expect(cellsQuestion(question)).toMatchObject({ groupBy: ['ad_id', 'country', 'device_type'], filters: [{ dimension: 'ad_id', values: ['a'] }], measures: ['clicks', 'unique_users'] });
  });
});
