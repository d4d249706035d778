import { expect, test } from 'vitest';
import type { RequestScope } from '../ports.ts';
import { BodyBudget, COMING_MS, expectedBytes, FIRST_TURN_BYTES, LATE_MS, MAX_COMING_BYTES, MAX_LINE_BYTES, MAX_TURN_BYTES, MAX_WAIT_MS, MAX_WORK_BYTES, type Coming, type Stay } from './body-budget.ts';

const T = 1_700_000_000_000;
const MIB = 1_048_576;
const KIB_64 = 65_536;

/** A loop whose time stands still until the test says otherwise; whoever sleeps wakes in order of his time. */
class Loop {
  nowMs = T;
  readonly background: Promise<unknown>[] = [];
  #sleepers: { atMs: number; wake: () => void }[] = [];

  scope(arrivedAtMs = this.nowMs): RequestScope {
    const after = (durationMs: number, wake: () => void) => {
      const sleeper = { atMs: this.nowMs + durationMs, wake };
      this.#sleepers.push(sleeper);
      return { cancel: () => void (this.#sleepers = this.#sleepers.filter((other) => other !== sleeper)) };
    };
    return {
      arrivedAtMs,
      clock: { nowMs: () => this.nowMs },
      canBeWoken: true,
      sleep: (durationMs) => new Promise((resolve) => void after(durationMs, resolve)),
      after,
      waitUntil: (work) => void this.background.push(work),
    };
  }

  /** Everything that is due within `forMs`, and what follows from it. */
  async pass(forMs: number): Promise<void> {
    const untilMs = this.nowMs + forMs;
    for (;;) {
      await settled();
      const next = this.#sleepers.toSorted((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined || next.atMs > untilMs) break;
      this.#sleepers = this.#sleepers.filter((sleeper) => sleeper !== next);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.wake();
    }
    this.nowMs = untilMs;
  }
}

/** Lets everything run that waits for no timer. */
const settled = () => new Promise((resolve) => setImmediate(resolve));
const known = (sinceMs = T): Coming => ({ bytes: 0, isKnown: true, sinceMs });
const stranger: Coming = { bytes: 0, isKnown: false, sinceMs: T };

/** Bodies of `bytes` at the same time; what has been let in so far, in order. */
function crowd(budget: BodyBudget, loop: Loop, count: number, bytes: number, coming = known()) {
  const seen = { in: [] as number[], stays: [] as Stay[], refused: 0 };
  for (let i = 0; i < count; i++) {
    void Promise.resolve(budget.enter(coming, bytes, loop.scope())).then((stay) => {
      if (stay === null) seen.refused++;
      else seen.stays.push(stay);
      if (stay !== null) seen.in.push(i);
    });
  }
  return seen;
}

test('a lone body goes at once, however large', async () => {
  expect(await new BodyBudget().enter(known(), 100 * MAX_WORK_BYTES, new Loop().scope())).not.toBeNull();
});

test('bodies that arrive together are let in a turn at a time, in order, and the loop comes round between turns', async () => {
  const [budget, loop] = [new BodyBudget(), new Loop()];
  const seen = crowd(budget, loop, 12, KIB_64);
  // Each round takes 20 ms: turns stay as they are.
  for (let turn = 1; turn <= 4; turn++) {
    await settled();
    expect(seen.in).toEqual(Array.from({ length: (turn * FIRST_TURN_BYTES) / KIB_64 }, (_, i) => i));
    loop.nowMs += 20;
    await loop.pass(0);
    expect(seen.in.length).toBe((turn * FIRST_TURN_BYTES) / KIB_64);
    await loop.pass(1);
  }
  await Promise.all(loop.background);
});

test('a sleep that ends late has seen no socket: another follows before the next turn', async () => {
  const [budget, loop] = [new BodyBudget(), new Loop()];
  const seen = crowd(budget, loop, 2, MAX_TURN_BYTES);
  await settled();
  loop.nowMs += 50;
  await loop.pass(0);
  expect(seen.in).toEqual([0]);
  await loop.pass(1);
  expect(seen.in).toEqual([0, 1]);
});

test('turns become shorter while the loop takes long to come round, and longer again', async () => {
  const [budget, loop] = [new BodyBudget(), new Loop()];
  const seen = crowd(budget, loop, 100, 32_768);
  await settled();
  const perTurn = [seen.in.length];
  for (const busyMs of [50, 50, 50, 50, 20, 0, 0, 0, 0]) {
    const before = seen.in.length;
    loop.nowMs += busyMs;
    await loop.pass(busyMs > 2 ? 0 : 1);
    if (busyMs > 2) await loop.pass(1);
    perTurn.push(seen.in.length - before);
  }
  expect(perTurn).toEqual([6, 3, 3, 3, 3, 3, 6, 12, 24, 32]);
});

test('short bodies need no turns until many have come', async () => {
  const [budget, loop] = [new BodyBudget(), new Loop()];
  const seen = crowd(budget, loop, 1_000, 1);
  await settled();
  expect(seen.in.length).toBe(FIRST_TURN_BYTES / 2_048);
  await loop.pass(10);
  expect(seen.in.length).toBe(1_000);
});

test('what waits for its commit is bounded, and makes room once', async () => {
  const [budget, loop] = [new BodyBudget(), new Loop()];
  const seen = crowd(budget, loop, 12, MIB);
  await loop.pass(100);
  expect(seen.in.length).toBe(MAX_WORK_BYTES / MIB);
  budget.leave(seen.stays[0]!);
  budget.leave(seen.stays[0]!);
  await loop.pass(100);
  expect(seen.in.length).toBe(MAX_WORK_BYTES / MIB + 1);
});

test('whoever finds no place in the line, or no turn in time, is refused', async () => {
  const [budget, loop] = [new BodyBudget(), new Loop()];
  const seen = crowd(budget, loop, (MAX_WORK_BYTES + MAX_LINE_BYTES) / MIB + 3, MIB);
  await settled();
  expect([seen.in.length, seen.refused]).toEqual([1, MAX_WORK_BYTES / MIB + 2]);
  await loop.pass(MAX_WAIT_MS);
  expect([seen.in.length, seen.refused]).toEqual([MAX_WORK_BYTES / MIB, MAX_LINE_BYTES / MIB + 3]);
});

test('strangers fill half of the line at most', async () => {
  const [budget, loop] = [new BodyBudget(), new Loop()];
  const crowded = crowd(budget, loop, 100, MIB, stranger);
  await settled();
  expect(crowded.refused).toBe(100 - 1 - MAX_LINE_BYTES / MIB / 2);
  const ours = crowd(budget, loop, 1, MIB);
  await settled();
  expect(ours.refused).toBe(0);
});

test('a line that is late is told to newcomers before they send, and no longer than it is', async () => {
  const [budget, loop] = [new BodyBudget(), new Loop()];
  const welcome = () => budget.welcome(1_000, true, loop.scope()) !== null;
  const seen = crowd(budget, loop, 4, MAX_TURN_BYTES);
  await settled();
  expect(welcome()).toBe(true);
  loop.nowMs += LATE_MS + 100;
  await loop.pass(1);
  expect([seen.in.length, welcome()]).toEqual([2, false]);
  await loop.pass(10);
  expect([seen.in.length, welcome()]).toEqual([4, true]);
});

test('announced and not sent: takes a little, for a moment', () => {
  const [budget, loop] = [new BodyBudget(), new Loop()];
  const announce = (isKnown = true) => budget.welcome(MIB, isKnown, loop.scope()) !== null;
  const fill = (isKnown = true): number => {
    for (let count = 0; ; count++) if (!announce(isKnown)) return count;
  };
  expect(fill(false)).toBe(MAX_COMING_BYTES / KIB_64 / 2);
  expect(fill()).toBe(MAX_COMING_BYTES / KIB_64 / 2);
  loop.nowMs += COMING_MS;
  expect(announce()).toBe(true);
});

test('what has arrived is not expected any more', async () => {
  const [budget, loop] = [new BodyBudget(), new Loop()];
  for (let i = 0; i < 1_000; i++) {
    const coming = budget.welcome(500, true, loop.scope());
    expect(coming).not.toBeNull();
    const entered = budget.enter(coming!, 500, loop.scope());
    await loop.pass(1);
    budget.leave((await entered)!);
  }
});

test('the place of a request that died at its work comes back, and so does the pace that it kept', async () => {
  const [budget, loop] = [new BodyBudget(), new Loop()];
  const dead: RequestScope = { ...loop.scope(), sleep: () => new Promise(() => undefined), after: () => ({ cancel: () => undefined }) };
  await budget.enter(known(), MAX_WORK_BYTES, dead);
  void budget.enter(known(), KIB_64, dead);
  await loop.pass(30_000);
  const seen = crowd(budget, loop, 2, KIB_64);
  await loop.pass(10);
  expect(seen.in).toEqual([0, 1]);
});

test('requests that died in the line keep nobody behind them', async () => {
  const [budget, loop] = [new BodyBudget(), new Loop()];
  const working = crowd(budget, loop, 12, MIB);
  await loop.pass(100);
  expect(working.stays.length).toBe(MAX_WORK_BYTES / MIB);
  const dead: RequestScope = { ...loop.scope(), after: () => undefined };
  for (let i = 0; i < 5; i++) void budget.enter(known(), MIB, dead);
  await loop.pass(MAX_WAIT_MS + 10);
  const late = crowd(budget, loop, 1, MIB);
  budget.leave(working.stays[0]!);
  await loop.pass(100);
  expect(late.in).toEqual([0]);
});

test('a body is taken for what it will be: its length, or more if it is packed, and something if it does not tell', () => {
  const expected = (headers: Record<string, string>) => expectedBytes(new Headers(headers));
  expect(expected({ 'content-length': '500' })).toBe(500);
  expect(expected({ 'content-length': '500', 'content-encoding': 'gzip' })).toBe(5_000);
  expect(expected({ 'content-length': '900000', 'content-encoding': 'gzip' })).toBe(1_048_576);
  expect(expected({})).toBe(65_536);
  expect(expected({ 'content-length': 'many' })).toBe(0);
});
