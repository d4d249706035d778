import { expect, test } from 'vitest';
import type { WaitingClick } from '../judgement/judgement.ts';
import { ClickSlots } from './click-slots.ts';

const CELL = { advertiserId: 'acme', campaignId: 'spring', adId: 'ad-0', creativeId: 'cr-1', publisherId: 'pub-1', placementId: 'top', country: 'US', deviceType: 'mobile' };
const JOIN = { lo: 7, hi: 9 };

function click(id: number, cell = CELL): WaitingClick {
  return { id: { lo: id, hi: 1 }, eventTimeMs: 1_000, costNanos: 5, attributionWindowMs: 60_000, clickId: `c-${id}`, cell: { ...cell } };
}

const idsAt = (slots: ClickSlots, join = JOIN) => slots.at(join).map(({ click: { clickId } }) => clickId);

test('any number of clicks may claim one key, and each goes by itself', () => {
  const slots = new ClickSlots();
  for (const id of [1, 2, 3]) slots.add({ join: JOIN, click: click(id) }, true);
  expect(idsAt(slots)).toEqual(['c-1', 'c-2', 'c-3']);
  expect(slots.remove(JOIN, click(2))?.click.clickId).toBe('c-2');
  expect(slots.remove(JOIN, click(2))).toBeUndefined();
  expect(idsAt(slots)).toEqual(['c-1', 'c-3']);
  for (const id of [1, 3]) slots.remove(JOIN, click(id));
  expect([slots.count, idsAt(slots)]).toEqual([0, []]);
});

test('a click that stands twice goes once at a time', () => {
  const slots = new ClickSlots();
  for (const isNew of [false, true]) slots.add({ join: JOIN, click: click(1) }, isNew);
  expect(slots.remove(JOIN, click(1))?.isNew).toBe(false);
  expect(idsAt(slots)).toEqual(['c-1']);
  expect(slots.remove(JOIN, click(1))?.isNew).toBe(true);
  expect(slots.count).toBe(0);
});

test('only what bears both the key and the name is let go', () => {
  const slots = new ClickSlots();
  slots.add({ join: JOIN, click: click(1) }, true);
  expect(slots.remove(JOIN, click(2))).toBeUndefined();
  // 52 bits are the same, the key is not.
  expect(slots.remove({ lo: JOIN.lo + 0x10_0000, hi: JOIN.hi }, click(1))).toBeUndefined();
  expect(slots.count).toBe(1);
});

test('clicks of equal cells share one', () => {
  const slots = new ClickSlots();
  const [first, second, other] = [click(1), click(2), click(3, { ...CELL, country: 'DE' })].map((one) => slots.add({ join: JOIN, click: one }, true).click.cell);
  expect(second).toBe(first);
  expect(other).toEqual({ ...CELL, country: 'DE' });
});

test('a walk bears that clicks come and go meanwhile', () => {
  const slots = new ClickSlots();
  for (const id of [1, 2, 3]) slots.add({ join: { lo: id, hi: id }, click: click(id) }, true);
  const seen: string[] = [];
  for (const residents of slots.keys()) {
    for (const { join, click: own } of residents) {
      seen.push(own.clickId);
      slots.remove(join, own);
    }
    if (seen.length === 1) slots.add({ join: { lo: 2, hi: 2 }, click: click(4) }, true);
  }
  expect(seen).toEqual(['c-1', 'c-2', 'c-4', 'c-3']);
  expect(slots.count).toBe(0);
});
