import { expect, it } from 'vitest';
import { breakdownPage } from './breakdown-page.ts';
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
