import { describe, expect, it } from 'vitest';
import { windowWalker } from './testing/local-labels.ts';
import { parseTimeZone, UTC, type TimeZone } from './time-zone.ts';
import { areAligned, windowRuns, type WindowRun } from './zone-windows.ts';

const zone = (name: string) => parseTimeZone(name) as TimeZone;
const at = (text: string) => Date.parse(text) / 1_000;
const STEPS = { '1h': 3600, '1d': 86400 } as const;
const EVER = { fromSecond: 0, toSecond: at('2100-01-01T00:00Z') };

describe('windowRuns', () => {
  const YEAR = ['2026-01-01T00:00Z', '2027-01-01T00:00Z'] as const;
  const zones = [
    'America/Santiago', 'America/Havana', 'Africa/Cairo', 'Asia/Beirut', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata',
    'Africa/Casablanca', 'Africa/El_Aaiun', 'America/Vancouver', 'America/Edmonton', 'America/Nuuk', 'Antarctica/Troll', 'Asia/Kathmandu', 'UTC',
  ];
  it.each([...zones.map((name) => [name, ...YEAR] as const), ['Pacific/Apia', '2011-09-01T00:00Z', '2012-05-01T00:00Z'] as const])('%s: hours and days are those that the clock shows', (name, from, to) => {
    for (const granularity of ['1h', '1d'] as const) {
      const walked = windowWalker(name, granularity);
      const runs = windowRuns(zone(name), STEPS[granularity], { fromSecond: at(from), toSecond: at(to) });
      const everRuns = windowRuns(zone(name), STEPS[granularity], EVER);
      // Three quarters at a time: in three hours every quarter of an hour is met, and no window is passed over.
      for (let second = at(from); second < at(to); second += 2_700) {
        const expected = walked(second);
        if (windowOf(runs, second) !== expected || windowOf(everRuns, second) !== expected) expect.fail(`${granularity} ${new Date(second * 1_000).toISOString()}`);
      }
    }
  });

  it('a range that begins within a window begins with the whole window, but never before 1970', () => {
    const day = { fromSecond: at('2026-09-06T12:00Z'), toSecond: at('2026-09-06T13:00Z') };
    expect(windowRuns(zone('America/Santiago'), 86400, day)).toEqual([{ fromSecond: at('2026-09-06T04:00Z'), windowSeconds: 86_400 }]);
    expect(windowRuns(zone('America/New_York'), 86400, { fromSecond: 3_600, toSecond: 90_000 })).toEqual([
      { fromSecond: 0, windowSeconds: 86_400 },
      { fromSecond: 5 * 3_600, windowSeconds: 86_400 },
    ]);
  });

  it('runs are few: one where nothing changes', () => {
    expect(windowRuns(UTC, 86400, EVER)).toHaveLength(1);
    expect(windowRuns(zone('Asia/Kolkata'), 86400, { ...EVER, fromSecond: at('1971-01-01T00:00Z') })).toHaveLength(1);
    expect(windowRuns(zone('America/New_York'), 3600, EVER)).toHaveLength(1);
    expect(windowRuns(zone('America/New_York'), 86400, { fromSecond: at('2026-01-01T05:00Z'), toSecond: at('2027-01-01T05:00Z') })).toEqual([
      { fromSecond: at('2026-01-01T05:00Z'), windowSeconds: 86_400 },
      { fromSecond: at('2026-03-09T04:00Z'), windowSeconds: 86_400 },
      { fromSecond: at('2026-11-01T04:00Z'), windowSeconds: 90_000 },
      { fromSecond: at('2026-11-02T05:00Z'), windowSeconds: 86_400 },
    ]);
  });
});

describe('areAligned', () => {
  it.each([
    ['UTC', 86400, [1, 60, 3600, 86400]],
    ['Africa/Abidjan', 86400, [1, 60, 3600, 86400]],
    ['America/New_York', 86400, [1, 60, 3600]],
    ['America/New_York', 3600, [1, 60, 3600]],
    ['Asia/Kolkata', 3600, [1, 60]],
    ['Asia/Kathmandu', 86400, [1, 60]],
    ['Australia/Lord_Howe', 3600, [1, 60]],
  ] as const)('%s, windows of %i s, are made of whole buckets of %o', (name, windowSeconds, expected) => {
    const runs = windowRuns(zone(name), windowSeconds, { fromSecond: at('2026-01-01T00:00Z'), toSecond: at('2027-01-01T00:00Z') });
    expect([1, 60, 3600, 86400].filter((step) => areAligned(runs, step))).toEqual(expected);
  });
});

function windowOf(runs: readonly WindowRun[], second: number): number {
  const run = runs.findLast(({ fromSecond }) => fromSecond <= second);
  if (run === undefined) throw new Error('before the first run');
  return second - ((second - run.fromSecond) % run.windowSeconds);
}
