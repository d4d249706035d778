import { expect, test } from 'vitest';
import { MAX_CONCURRENT_DESTINATIONS, onForwardFailure, planForward } from './forwarding.ts';

const at = (name: string, retryAtMs: number) => ({ name, attempts: 0, retryAtMs });

test('with nothing waiting there is nothing to do', () => {
  expect(planForward([], 5)).toEqual({ kind: 'idle' });
});

test('those that are due go first, the longest waiting in front; else the plan is to wake for the next', () => {
  expect(planForward([at('b', 20), at('a', 10), at('c', 30)], 20)).toEqual({ kind: 'forward', names: ['a', 'b'] });
  expect(planForward([at('b', 20), at('a', 10)], 9)).toEqual({ kind: 'sleep', wakeAtMs: 10 });
});

test('no more than a few destinations are tried at once', () => {
  const many = Array.from({ length: 30 }, (_, i) => at(`d${i}`, i));
  const plan = planForward(many, 100);
  expect(plan.kind === 'forward' && plan.names).toHaveLength(MAX_CONCURRENT_DESTINATIONS);
});

test('each failure in a row waits longer', () => {
  const once = onForwardFailure(at('a', 0), { nowMs: 1_000, jitter: 0 });
  const twice = onForwardFailure(once, { nowMs: 2_000, jitter: 0 });
  expect([once.retryAtMs, twice.retryAtMs, twice.attempts]).toEqual([1_125, 2_250, 2]);
});
