import { describe, expect, test } from 'vitest';
import { DISPOSITIONS, REASONS } from '../disposition.ts';
import { type AdTerms, EVENT_FLAGS, EVENT_KINDS, type JudgedFields, NO_KEY } from '../event.ts';
import { MapColdStore } from '../memory/map-cold-store.ts';
import { DEFAULT_MEMORY_LIMITS, ShardMemory } from '../memory/shard-memory.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../time.ts';
import { judge, type Verdict } from './judge.ts';

const T = 1_773_100_800_000;
const TERMS: AdTerms = {
  adId: 'ad-1', campaignId: 'spring', advertiserId: 'acme', creativeId: 'cr', clickWindowMs: 60_000, idempotencyWindowMs: DAY_MS,
  attributionWindowMs: 30 * MINUTE_MS, pricing: { model: 'cpc', micros: 100_000, currency: 'USD' },
};
const CELL = { advertiserId: 'acme', campaignId: 'spring', adId: 'ad-1', creativeId: 'cr', publisherId: 'p', placementId: '', country: '', deviceType: 'other' };

type Shorthand = Partial<Omit<JudgedFields, 'id' | 'join'>> & { at: number; lag?: number };

/** A shard's memory with shorthand: `at` is the event's time after T, `lag` how much later it is received. */
class Bench {
  readonly memory: ShardMemory;
  #terms: AdTerms;

  constructor(terms: Partial<AdTerms> = {}, memory = new ShardMemory(new MapColdStore())) {
    this.memory = memory;
    this.#terms = { ...TERMS, ...terms };
  }

  click({ at, lag = 0, id, imp, ...rest }: Shorthand & { id: number; imp?: number }): Verdict {
    return this.#judge({ kind: EVENT_KINDS.click, id: { lo: id, hi: 2 }, join: joinKey(imp), eventTimeMs: T + at, receivedAtMs: T + at + lag, ...rest });
  }

  impression({ at, lag = 0, imp, ...rest }: Shorthand & { imp: number }): Verdict {
    return this.#judge({ kind: EVENT_KINDS.impression, id: { lo: imp, hi: 1 }, join: joinKey(imp), eventTimeMs: T + at, receivedAtMs: T + at + lag, ...rest });
  }

  #judge(event: Partial<JudgedFields>): Verdict {
    const whole = { flags: 0, viewer: { lo: 77, hi: 7 }, screenedReason: 0, reasonMask: 0, ...event } as JudgedFields;
    return judge(whole, this.#terms, this.memory, () => ({ clickId: 'c', cell: CELL }), () => true);
  }
}

describe('the order of judgement', () => {
  test('a screened event is filtered whatever else is true of it, and claims nothing', () => {
    const bench = new Bench();
    const screened = { screenedReason: REASONS.prefetch, reasonMask: 1 << REASONS.prefetch };
    expect(bench.click({ at: 0, id: 1, ...screened }).judgement).toMatchObject({ disposition: DISPOSITIONS.filtered, reason: REASONS.prefetch });
    expect(bench.click({ at: 0, id: 1 }).judgement.disposition).toBe(DISPOSITIONS.counted);
    const again = bench.click({ at: 0, id: 1, lag: DAY_MS + 1, ...screened }).judgement;
    expect(again).toMatchObject({ disposition: DISPOSITIONS.filtered, reason: REASONS.prefetch });
  });

  test('the mask names every rule that matched', () => {
    const bench = new Bench({ idempotencyWindowMs: 2 * DAY_MS });
    bench.click({ at: 0, id: 1 });
    expect(bench.click({ at: 0, id: 1, lag: DAY_MS + 1, reasonMask: 1 << REASONS.declared_bot }).judgement).toMatchObject({
      reason: REASONS.retry,
      reasonMask: (1 << REASONS.declared_bot) | (1 << REASONS.retry) | (1 << REASONS.too_late) | (1 << REASONS.repeat_click),
    });
  });

  test('a retry goes before lateness, and lateness before a repeat', () => {
    const bench = new Bench({ idempotencyWindowMs: 2 * DAY_MS });
    bench.click({ at: 0, id: 1 });
    expect(bench.click({ at: 0, id: 1, lag: DAY_MS + 1 }).judgement.reason).toBe(REASONS.retry);
    expect(bench.click({ at: 1, id: 2, lag: DAY_MS + 1 }).judgement).toMatchObject({ disposition: DISPOSITIONS.held, reason: REASONS.too_late });
    expect(bench.click({ at: 1, id: 3 }).judgement).toMatchObject({ disposition: DISPOSITIONS.duplicate, reason: REASONS.repeat_click });
  });
});

describe('rule 1, retries', () => {
  test('reach to the last ms of the window, both ways, and count received times', () => {
    const bench = new Bench({ clickWindowMs: 0 });
    bench.click({ at: 0, id: 1 });
    bench.click({ at: 0, id: 2 });
    expect(bench.click({ at: DAY_MS, id: 1 }).judgement.reason).toBe(REASONS.retry);
    expect(bench.click({ at: -DAY_MS, id: 1 }).judgement.reason).toBe(REASONS.retry);
    expect(bench.click({ at: DAY_MS + 1, id: 2 }).judgement.disposition).toBe(DISPOSITIONS.counted);
  });

  test('a token counts once, ever, whatever the windows', () => {
    const bench = new Bench({ clickWindowMs: 0, idempotencyWindowMs: 0 });
    const flags = EVENT_FLAGS.tokenBound;
    bench.click({ at: 0, id: 1, flags });
    expect(bench.click({ at: 23 * HOUR_MS, id: 1, flags }).judgement.reason).toBe(REASONS.retry);
  });

  test('a held event and a repeat claim their id', () => {
    const bench = new Bench();
    bench.click({ at: 0, id: 1 });
    bench.click({ at: 5, id: 2 });
    bench.click({ at: 0, id: 3, lag: DAY_MS + 1 });
    expect(bench.click({ at: HOUR_MS, id: 2 }).judgement.reason).toBe(REASONS.retry);
    expect(bench.click({ at: DAY_MS, id: 3 }).judgement.reason).toBe(REASONS.retry);
  });
});

describe('rule 2, repeats', () => {
  // windowMs 60_000, counted clicks anchor
  // t (s)    0 ─── 59.999 │ 60 ─────── 119.999 │ 120
  // clicks   x        x   │  x             x   │  x
  // counted  1            │  1                 │  1
  test('a steady clicker counts once a window', () => {
    const bench = new Bench();
    const seen = [0, 59_999, 60_000, 119_999, 120_000].map((at, id) => bench.click({ at, id }).judgement.disposition === DISPOSITIONS.counted);
    expect(seen).toEqual([true, false, true, false, true]);
  });

  test('look forward as well as back, and only at counted clicks', () => {
    const bench = new Bench();
    bench.click({ at: 100_000, id: 1 });
    expect(bench.click({ at: 40_001, id: 2 }).judgement.reason).toBe(REASONS.repeat_click);
    expect(bench.click({ at: 40_000, id: 3 }).judgement.disposition).toBe(DISPOSITIONS.counted);
  });

  test('need a viewer, and a window', () => {
    const bench = new Bench();
    for (const id of [1, 2]) expect(bench.click({ at: 0, id, viewer: NO_KEY }).judgement.disposition).toBe(DISPOSITIONS.counted);
    const open = new Bench({ clickWindowMs: 0 });
    for (const id of [1, 2]) expect(open.click({ at: 0, id }).judgement.disposition).toBe(DISPOSITIONS.counted);
  });

  test('are of one ad', () => {
    const bench = new Bench();
    const other = new Bench({ adId: 'ad-2' }, bench.memory);
    bench.click({ at: 0, id: 1 });
    expect(other.click({ at: 0, id: 2 }).judgement.disposition).toBe(DISPOSITIONS.counted);
  });
});

describe('a click is billable', () => {
  // t − impression:  −2 min ├──── 0 ──────────────┤ 30 min
  for (const [gapMs, billable] of [[-2 * MINUTE_MS - 1, false], [-2 * MINUTE_MS, true], [0, true], [30 * MINUTE_MS, true], [30 * MINUTE_MS + 1, false]] as const) {
    test(`${billable ? '' : 'not '}${gapMs} ms after its impression, whichever of the two comes first`, () => {
      const first = new Bench();
      first.impression({ at: 0, imp: 5 });
      expect(first.click({ at: gapMs, id: 1, imp: 5 }).judgement).toMatchObject({ billable, costNanos: billable ? 100_000_000 : 0 });
      const last = new Bench();
      expect(last.click({ at: gapMs, id: 1, imp: 5 }).judgement).toMatchObject({ billable: false, costNanos: 0 });
      const { woken } = last.impression({ at: 0, imp: 5 });
      expect(woken.map((click) => [click.eventTimeMs - T, click.costNanos])).toEqual(billable ? [[gapMs, 100_000_000]] : []);
    });
  }

  test('once: an impression that comes again wakes nobody twice', () => {
    const bench = new Bench({ idempotencyWindowMs: 10 });
    bench.click({ at: 0, id: 1, imp: 5 });
    expect(bench.impression({ at: 0, imp: 5 }).woken.length).toBe(1);
    expect(bench.impression({ at: 1_000, imp: 5 }).judgement.disposition).toBe(DISPOSITIONS.counted);
    expect(bench.impression({ at: 2_000, imp: 5 }).woken.length).toBe(0);
  });

  test('once, even where the woken click has left RAM and the shard was rebuilt', () => {
    const store = new MapColdStore();
    const limits = { ...DEFAULT_MEMORY_LIMITS, entriesMax: 0, waitingClicksMax: 0 };
    const first = new Bench({ idempotencyWindowMs: 10 }, new ShardMemory(store, limits));
    first.click({ at: 0, id: 1, imp: 5 });
    first.memory.checkpoint(T);
    expect(first.memory.residentWaitingClicks).toBe(0);
    expect(first.impression({ at: 0, imp: 5 }).woken.length).toBe(1);
    expect(first.impression({ at: 1_000, imp: 5 }).woken.length).toBe(0);
    first.memory.checkpoint(T);
    for (const rebuilt of [new ShardMemory(store, limits), new ShardMemory(store)]) {
      expect(new Bench({ idempotencyWindowMs: 10 }, rebuilt).impression({ at: 2_000, imp: 5 }).woken.length).toBe(0);
    }
  });

  test('first event after a recovery: an impression finds the click that waits in the store', () => {
    const store = new MapColdStore();
    const limits = { ...DEFAULT_MEMORY_LIMITS, entriesMax: 0, waitingClicksMax: 0 };
    const first = new Bench({}, new ShardMemory(store, limits));
    first.click({ at: 20 * MINUTE_MS, id: 1, imp: 5 });
    first.memory.checkpoint(T);
    expect(new Bench({}, new ShardMemory(store, limits)).impression({ at: 0, imp: 5 }).woken.length).toBe(1);
  });

  test('by the window that was in force when it was counted', () => {
    const narrow = new Bench({ attributionWindowMs: 10 * MINUTE_MS });
    narrow.click({ at: 20 * MINUTE_MS, id: 1, imp: 5 });
    const wide = new Bench({}, narrow.memory);
    wide.click({ at: 40 * MINUTE_MS, id: 2, imp: 6 });
    expect(wide.impression({ at: 0, imp: 5 }).woken.length).toBe(0);
    expect(wide.impression({ at: 20 * MINUTE_MS, imp: 6 }).woken.length).toBe(1);
  });

  test('for as many clicks as one impression has', () => {
    const bench = new Bench({ clickWindowMs: 0 });
    for (const id of [3, 1, 2]) bench.click({ at: id * 10, id, imp: 5 });
    expect(bench.impression({ at: 0, imp: 5 }).woken.map((click) => click.id.lo)).toEqual([1, 2, 3]);
  });
});

describe('a viewable call', () => {
  const viewable = { flags: EVENT_FLAGS.viewable };

  test('for an impression counted without it is news, once, and costs nothing', () => {
    const bench = new Bench({ pricing: { model: 'cpm', micros: 2_000_000, currency: 'USD' } });
    expect(bench.impression({ at: 0, imp: 5 }).judgement).toMatchObject({ kind: EVENT_KINDS.impression, viewable: false, costNanos: 2_000_000 });
    expect(bench.impression({ at: 1_000, imp: 5, ...viewable }).judgement).toMatchObject({ kind: EVENT_KINDS.viewable, disposition: DISPOSITIONS.counted, viewable: true, costNanos: 0 });
    expect(bench.impression({ at: 2_000, imp: 5, ...viewable }).judgement).toMatchObject({ kind: EVENT_KINDS.impression, reason: REASONS.retry });
    expect(bench.impression({ at: 2_000, imp: 5 }).judgement.reason).toBe(REASONS.retry);
  });

  test('that comes first counts the impression as viewable; the plain one is its retry', () => {
    const bench = new Bench();
    expect(bench.impression({ at: 0, imp: 5, ...viewable }).judgement).toMatchObject({ kind: EVENT_KINDS.impression, viewable: true });
    expect(bench.impression({ at: 0, imp: 5 }).judgement.reason).toBe(REASONS.retry);
  });

  test('wakes no click: its impression already did', () => {
    const bench = new Bench();
    bench.impression({ at: 0, imp: 5 });
    bench.click({ at: 40 * MINUTE_MS, id: 1, imp: 5 });
    expect(bench.impression({ at: 20 * MINUTE_MS, imp: 5, ...viewable })).toMatchObject({ judgement: { kind: EVENT_KINDS.viewable }, woken: [] });
  });

  test('adds nothing to a held impression, nor to one that came as `viewable` kind', () => {
    const bench = new Bench();
    bench.impression({ at: 0, imp: 5, lag: DAY_MS + 1 });
    expect(bench.impression({ at: DAY_MS, imp: 5, ...viewable }).judgement.reason).toBe(REASONS.retry);
    expect(bench.impression({ at: 0, imp: 6, kind: EVENT_KINDS.viewable }).judgement).toMatchObject({ kind: EVENT_KINDS.impression, viewable: true });
    expect(bench.impression({ at: 0, imp: 6, kind: EVENT_KINDS.viewable }).judgement.reason).toBe(REASONS.retry);
  });
});

test('late is what was counted more than 30 s after its time', () => {
  const bench = new Bench({ clickWindowMs: 0 });
  expect(bench.click({ at: 0, id: 1, lag: 30_000 }).judgement.late).toBe(false);
  expect(bench.click({ at: 0, id: 2, lag: 30_001 }).judgement.late).toBe(true);
  expect(bench.click({ at: 0, id: 3, lag: DAY_MS }).judgement).toMatchObject({ disposition: DISPOSITIONS.counted, late: true });
  expect(bench.click({ at: 0, id: 4, lag: DAY_MS + 1 }).judgement).toMatchObject({ disposition: DISPOSITIONS.held, late: false });
});

test('an event two days old by both its times still meets the counted click of its window, after everything that may go has gone', () => {
  const bench = new Bench({ clickWindowMs: 12 * HOUR_MS }, new ShardMemory(new MapColdStore(), { ...DEFAULT_MEMORY_LIMITS, entriesMax: 0 }));
  bench.click({ at: 0, id: 1 });
  bench.memory.checkpoint(T);
  bench.memory.forget(T + 60 * HOUR_MS - 1);
  expect(bench.click({ at: 12 * HOUR_MS - 1, id: 2, lag: DAY_MS }).judgement.reason).toBe(REASONS.repeat_click);
});

function joinKey(imp: number | undefined): { lo: number; hi: number } {
  return imp === undefined ? NO_KEY : { lo: imp, hi: 3 };
}
