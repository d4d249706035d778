import { expect, test } from 'vitest';
import { BodyBudget, MAX_BODIES_BYTES } from './body-budget.ts';

const T = 1_700_000_000_000;
const MIB = 1_048_576;
const request = (headers: Record<string, string>) => new Request('http://edge/v1/events', { method: 'POST', headers, body: 'x' });
const sized = (bytes: number) => request({ 'content-length': String(bytes) });

function fill(budget: BodyBudget, with_: Request, nowMs = T): number {
  for (let count = 0; ; count++) if (budget.enter(with_, nowMs) === null) return count;
}

test('refuses above its bytes, and lets in again what leaves', () => {
  const budget = new BodyBudget();
  const first = budget.enter(sized(MIB), T)!;
  expect(fill(budget, sized(MIB))).toBe(MAX_BODIES_BYTES / MIB - 1);
  budget.leave(first);
  budget.leave(first);
  expect(fill(budget, sized(MIB))).toBe(1);
});

test('short bodies count for what a request takes, unknown ones for the largest, packed ones for what they become', () => {
  expect(fill(new BodyBudget(), sized(1))).toBe(4_096);
  expect(fill(new BodyBudget(), sized(-1))).toBe(4_096);
  expect(fill(new BodyBudget(), request({ 'content-length': 'many' }))).toBe(4_096);
  expect(fill(new BodyBudget(), request({}))).toBe(8);
  expect(fill(new BodyBudget(), request({ 'content-length': '52428', 'content-encoding': 'gzip' }))).toBe(16);
});

test('the place of a request that died without a word comes back', () => {
  const budget = new BodyBudget();
  expect(fill(budget, sized(MIB))).toBe(8);
  expect(budget.enter(sized(MIB), T + 29_999)).toBeNull();
  expect(fill(budget, sized(MIB), T + 30_000)).toBe(8);
});
