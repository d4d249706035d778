import { describe, expect, test } from 'vitest';
import { createKeyHasher } from '../../core/hash.ts';
import { judgeBatch } from '../../core/judgement/judge-batch.ts';
import { MapColdStore } from '../../core/memory/map-cold-store.ts';
import { ShardMemory } from '../../core/memory/shard-memory.ts';
import { mulberry32 } from '../../schemas/testing/mulberry32.ts';
import { askOracle, type OracleEvent, type OracleWindows, totalsOf } from './naive-oracle.ts';
import { outcomesOf, plainBatch } from './plain-batch.ts';
import { randomEvents } from './random-events.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const hasher = await createKeyHasher(0x5eed_1234_5678_9abcn);

function judgeAll(events: readonly OracleEvent[], windows: OracleWindows) {
  const { judgements, attributions } = judgeBatch(plainBatch(events, windows, hasher), new ShardMemory(new MapColdStore()));
  return outcomesOf(events, judgements, attributions);
}

describe('the judge agrees with the oracle, event by event', () => {
  for (const clickWindowMs of [0, 60_000, HOUR_MS, DAY_MS]) {
    for (const disorderMs of [1, DAY_MS]) {
      for (const idempotencyWindowMs of [HOUR_MS, DAY_MS]) {
        test(`click window ${clickWindowMs / 1000} s, retry window ${idempotencyWindowMs / HOUR_MS} h, received times up to ${Math.floor(disorderMs / HOUR_MS)} h out of order`, () => {
          const windows = { clickWindowMs, idempotencyWindowMs, attributionWindowMs: 30 * 60_000 };
          for (let seed = 1; seed <= 4; seed++) {
            const wildness = { events: 600, spanMs: seed % 2 === 0 ? 3 * DAY_MS : HOUR_MS, ads: 3, viewers: 12, disorderMs, tokenShare: 0.3, edgesMs: [clickWindowMs, -clickWindowMs, 30 * 60_000, -120_000] };
            const events = randomEvents(mulberry32(seed), wildness);
            const expected = askOracle(events, windows);
            const actual = judgeAll(events, windows);
            expect(actual).toEqual(expected);
            expect(totalsOf(events, actual)).toEqual(totalsOf(events, expected));
          }
        });
      }
    }
  }
});

test('the random events reach every outcome', () => {
  const events = randomEvents(mulberry32(1), { events: 3_000, spanMs: DAY_MS, ads: 3, viewers: 30, disorderMs: HOUR_MS, tokenShare: 0.3, edgesMs: [60_000] });
  const outcomes = askOracle(events, { clickWindowMs: 60_000, idempotencyWindowMs: HOUR_MS, attributionWindowMs: 30 * 60_000 });
  const seen = new Set(outcomes.map((outcome) => `${outcome.disposition} ${outcome.reason} ${outcome.kind}`));
  for (const wanted of ['counted  impression', 'counted  click', 'counted  viewable', 'counted  conversion', 'duplicate retry click', 'duplicate retry impression', 'duplicate repeat_click click', 'held too_late click', 'held too_late impression', 'held too_late viewable', 'filtered screened click']) {
    expect(seen, wanted).toContain(wanted);
  }
  expect(outcomes.some((outcome) => outcome.billable)).toBe(true);
  expect(outcomes.some((outcome) => outcome.kind === 'click' && outcome.disposition === 'counted' && !outcome.billable)).toBe(true);
});
