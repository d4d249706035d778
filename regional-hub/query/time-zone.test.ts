import { describe, expect, it } from 'vitest';
import { localLabels } from './testing/local-labels.ts';
import { clockStretches, parseTimeZone, secondOfLocalTime, UTC, type TimeZone } from './time-zone.ts';

const zone = (name: string) => parseTimeZone(name) as TimeZone;
const local = (text: string) => Date.parse(`${text.replace(' ', 'T')}Z`) / 1_000;
const read = (name: string, text: string) => new Date(secondOfLocalTime(zone(name), local(text)) * 1_000).toISOString().slice(0, 16);

describe('secondOfLocalTime', () => {
  it.each([
    // The clock goes from 24:00 to 01:00: the day begins at 01:00.
    ['America/Santiago', '2026-09-06 00:00', '2026-09-06T04:00'],
    ['America/Santiago', '2026-09-06 00:30', '2026-09-06T04:30'],
    ['America/Havana', '2026-03-08 00:00', '2026-03-08T05:00'],
    ['Africa/Cairo', '2026-04-24 00:00', '2026-04-23T22:00'],
    ['Asia/Beirut', '2026-03-29 00:00', '2026-03-28T22:00'],
    // A gap by day: as much later as the clock leaps.
    ['America/New_York', '2026-03-08 02:30', '2026-03-08T07:30'],
    ['Europe/Berlin', '2026-03-29 02:00', '2026-03-29T01:00'],
    ['Australia/Lord_Howe', '2026-10-04 02:15', '2026-10-03T15:45'],
    // Twice: the first.
    ['Europe/Berlin', '2026-10-25 02:30', '2026-10-25T00:30'],
    ['America/New_York', '2026-11-01 01:30', '2026-11-01T05:30'],
    ['America/Havana', '2026-11-01 00:00', '2026-11-01T04:00'],
    ['America/Santiago', '2026-04-04 23:30', '2026-04-05T02:30'],
    ['Australia/Lord_Howe', '2026-04-05 01:45', '2026-04-04T14:45'],
    // Whole days that never were, and clocks that never change.
    ['Pacific/Apia', '2011-12-30 00:00', '2011-12-30T10:00'],
    ['Pacific/Apia', '2011-12-31 00:00', '2011-12-30T10:00'],
    ['Asia/Kolkata', '2026-03-08 00:00', '2026-03-07T18:30'],
    ['UTC', '2026-03-08 00:00', '2026-03-08T00:00'],
  ])('%s reads %s as %sZ', (name, text, expected) => {
    expect(read(name, text)).toBe(expected);
  });

  it.each([
    ['America/Santiago', ['2026-04-04', '2026-09-05']],
    ['America/Havana', ['2026-03-07', '2026-10-31']],
    ['Africa/Cairo', ['2026-04-23', '2026-10-29']],
    ['Asia/Beirut', ['2026-03-28', '2026-10-24']],
    ['Europe/Berlin', ['2026-03-28', '2026-10-24']],
    ['America/New_York', ['2026-03-07', '2026-10-31']],
    ['Australia/Lord_Howe', ['2026-04-04', '2026-10-03']],
    ['Africa/Casablanca', ['2026-02-14', '2026-03-21', '2026-09-19']],
    ['America/Nuuk', ['2026-03-28', '2026-10-24']],
    ['Antarctica/Troll', ['2026-03-28', '2026-10-24']],
    ['Pacific/Apia', ['2011-12-29']],
    ['Asia/Kolkata', ['2026-03-28']],
  ])('%s: every quarter of three days about a change is what a walk along the clock finds', (name, days) => {
    const walkedTo = clockWalker(name);
    for (const day of days) {
      for (let quarter = local(`${day} 00:00`); quarter < local(`${day} 00:00`) + 3 * 86_400; quarter += 900) {
        expect(secondOfLocalTime(zone(name), quarter), `${day} ${quarter}`).toBe(walkedTo(quarter));
      }
    }
  });
});

describe('clockStretches', () => {
  it('misses no change that a look a day finds, however short the summer', () => {
    for (const name of ['America/Recife', 'America/Argentina/Tucuman', 'Africa/Casablanca', 'Africa/Cairo', 'Asia/Gaza', 'Africa/Monrovia']) {
      const { shown } = localLabels(name);
      const stretches = clockStretches(zone(name));
      for (let second = 0; second < local('2030-01-01 00:00'); second += 86_400) {
        const { offsetSeconds } = stretches.findLast(({ fromSecond }) => fromSecond <= second) as { offsetSeconds: number };
        expect(offsetSeconds, `${name} ${second}`).toBe(local(shown(second)) - second);
      }
    }
  });

  it('UTC has one', () => {
    expect(clockStretches(UTC)).toEqual([{ fromSecond: -Infinity, offsetSeconds: 0 }]);
  });
});

/** The rule of `secondOfLocalTime`, found by looking at the clock every quarter of an hour. */
function clockWalker(name: string): (localSecond: number) => number {
  const { shown } = localLabels(name);
  const labels = new Map<number, string>();
  const labelAt = (second: number) => labels.get(second) ?? labels.set(second, shown(second)).get(second) as string;
  return (localSecond) => {
    const first = (meets: (label: string) => boolean) => {
      for (let second = localSecond - 30 * 3_600; second < localSecond + 30 * 3_600; second += 900) if (meets(labelAt(second))) return second;
      return null;
    };
    const wanted = label(localSecond);
    const exact = first((seen) => seen === wanted);
    if (exact !== null) return exact;
    const afterGap = first((seen) => seen > wanted) as number;
    if (localSecond % 86_400 === 0) return afterGap;
    const gap = local(labelAt(afterGap)) - local(labelAt(afterGap - 900)) - 900;
    const shifted = label(localSecond + gap);
    return first((seen) => seen === shifted) as number;
  };
}

function label(localSecond: number): string {
  return new Date(localSecond * 1_000).toISOString().slice(0, 19).replace('T', ' ');
}
