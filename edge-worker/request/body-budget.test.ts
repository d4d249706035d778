import { expect, test } from 'vitest';
import { BodyBudget, expectedBytes, MAX_BODIES_BYTES, MAX_SLOW_BODIES_BYTES, SLOW_MS } from './body-budget.ts';

const T = 1_700_000_000_000;
const KIB_64 = 65_536;

function fill(budget: BodyBudget, bytes: number, nowMs = T): number {
  for (let count = 0; ; count++) if (budget.enter(bytes, nowMs) === null) return count;
}

test('refuses above its bytes, and lets in again what leaves, once', () => {
  const budget = new BodyBudget();
  const first = budget.enter(KIB_64, T)!;
  expect(fill(budget, KIB_64)).toBe(MAX_BODIES_BYTES / KIB_64 - 1);
  budget.leave(first);
  budget.leave(first);
  expect(fill(budget, KIB_64)).toBe(1);
});

test('a short body counts for what a request takes', () => {
  expect(fill(new BodyBudget(), 1)).toBe(4_096);
});

test('lets in less while the oldest has waited too long, and never nobody', () => {
  const budget = new BodyBudget();
  const slow = budget.enter(KIB_64, T)!;
  expect(fill(budget, KIB_64, T + SLOW_MS + 1)).toBe(MAX_SLOW_BODIES_BYTES / KIB_64 - 1);
  budget.leave(slow);
  expect(budget.hasRoom(KIB_64, T + SLOW_MS + 1)).toBe(true);
  expect(new BodyBudget().hasRoom(100 * MAX_BODIES_BYTES, T)).toBe(true);
});

test('strangers are let in while there is room, and take none', () => {
  const budget = new BodyBudget();
  for (let i = 0; i < 10_000; i++) expect(budget.hasRoom(KIB_64, T)).toBe(true);
  fill(budget, KIB_64);
  expect(budget.hasRoom(KIB_64, T)).toBe(false);
});

test('the place of a request that died without a word comes back', () => {
  const budget = new BodyBudget();
  fill(budget, KIB_64);
  expect(budget.hasRoom(KIB_64, T + 29_999)).toBe(false);
  expect(budget.hasRoom(KIB_64, T + 30_000)).toBe(true);
});

test('a body is taken for what it will be: its length, or more if it is packed, and something if it does not tell', () => {
  const expected = (headers: Record<string, string>) => expectedBytes(new Headers(headers));
  expect(expected({ 'content-length': '500' })).toBe(500);
  expect(expected({ 'content-length': '500', 'content-encoding': 'gzip' })).toBe(5_000);
  expect(expected({ 'content-length': '900000', 'content-encoding': 'gzip' })).toBe(1_048_576);
  expect(expected({})).toBe(65_536);
  expect(expected({ 'content-length': 'many' })).toBe(0);
});
