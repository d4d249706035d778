import { describe, expect, test } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../time.ts';
import { hasExpired, MEMORY_TABLES, type MemoryTable, NO_WINDOWS, retentionMs, widen } from './retention.ts';

const WINDOWS = { clickWindowMs: 6 * HOUR_MS, idempotencyWindowMs: 7 * DAY_MS, attributionWindowMs: 30 * MINUTE_MS };
/** An event may be received a day ago, and happen a day before that. */
const OLDEST_ARRIVAL_MS = DAY_MS;
const OLDEST_EVENT_MS = 2 * DAY_MS;

describe('what can still change an answer is kept', () => {
  test('an id until no arrival can be within its retry window', () => {
    expect(retentionMs('ids', WINDOWS)).toBeGreaterThanOrEqual(7 * DAY_MS + OLDEST_ARRIVAL_MS);
    expect(retentionMs('settledViews', WINDOWS)).toBe(retentionMs('ids', WINDOWS));
  });

  test("a token's id for the token's life, however short the windows", () => {
    expect(retentionMs('ids', { ...WINDOWS, idempotencyWindowMs: 0 })).toBeGreaterThanOrEqual(DAY_MS + OLDEST_ARRIVAL_MS);
  });

  test('a counted click until no latecomer can be its repeat', () => {
    expect(retentionMs('clicks', WINDOWS)).toBeGreaterThanOrEqual(OLDEST_EVENT_MS + WINDOWS.clickWindowMs);
  });

  test('an impression until no late click can be its own', () => {
    expect(retentionMs('impressions', WINDOWS)).toBeGreaterThanOrEqual(OLDEST_EVENT_MS + WINDOWS.attributionWindowMs);
  });

  test('a waiting click, and the news that it was woken, until no late impression can fit', () => {
    expect(retentionMs('waiting', WINDOWS)).toBeGreaterThanOrEqual(OLDEST_EVENT_MS + 2 * MINUTE_MS);
    expect(retentionMs('woken', WINDOWS)).toBeGreaterThanOrEqual(retentionMs('waiting', WINDOWS));
  });

  test('up to and with the last ms of its retention', () => {
    for (const name of Object.keys(MEMORY_TABLES) as MemoryTable[]) {
      expect(hasExpired(name, WINDOWS, 1_000, 1_000 + retentionMs(name, WINDOWS))).toBe(false);
      expect(hasExpired(name, WINDOWS, 1_000, 1_001 + retentionMs(name, WINDOWS))).toBe(true);
    }
  });
});

test('windows only widen', () => {
  const wide = widen(NO_WINDOWS, WINDOWS);
  expect(wide).toEqual(WINDOWS);
  expect(widen(wide, { clickWindowMs: 0, idempotencyWindowMs: 8 * DAY_MS, attributionWindowMs: 1 })).toEqual({ ...WINDOWS, idempotencyWindowMs: 8 * DAY_MS });
  expect(widen(wide, NO_WINDOWS)).toBe(wide);
});
