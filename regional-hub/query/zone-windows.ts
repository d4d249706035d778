import type { SecondRange } from './tiles.ts';
import { clockAt, clockStretches, secondOfLocalTime, type TimeZone } from './time-zone.ts';

/** Windows of one length, one after the other from `fromSecond`; where the next run begins, the last one ends, however short. */
export type WindowRun = { readonly fromSecond: number; readonly windowSeconds: number };

export type HourOrDay = 3600 | 86400;

/**
 * The zone's own hours or days that meet a range, as the fewest runs, rising; the first begins at or before the range, none before
 * 1970. Where clocks never change by less than an hour, hours are one run; days are one run a season.
 *
 * A day lasts from its first instant to the first instant of the next one. An hour ends when the clock is put forward or back
 * within it: no hour lasts longer than 60 minutes, and one that comes twice is two.
 */
export function windowRuns(zone: TimeZone, windowSeconds: HourOrDay, range: SecondRange): readonly WindowRun[] {
  const changes = clockStretches(zone).map(({ fromSecond }) => fromSecond);
  const runs: WindowRun[] = [];
  for (const second of [range.fromSecond, ...changes.filter((change) => change > range.fromSecond && change < range.toSecond)]) {
    const window = windowSeconds === HOUR ? hourAt(zone, second) : dayAt(zone, second);
    append(runs, { fromSecond: Math.max(0, window.fromSecond), windowSeconds: Math.max(windowSeconds, window.toSecond - window.fromSecond) });
    if (window.toSecond < range.toSecond) append(runs, { fromSecond: window.toSecond, windowSeconds });
  }
  return runs;
}

/** True when no UTC bucket of `stepSeconds` lies in two of the windows. */
export function areAligned(runs: readonly WindowRun[], stepSeconds: number): boolean {
  return runs.every(({ fromSecond, windowSeconds }) => fromSecond % stepSeconds === 0 && windowSeconds % stepSeconds === 0);
}

const HOUR = 3_600;
const DAY = 86_400;

function hourAt(zone: TimeZone, second: number): SecondRange {
  const clock = clockAt(zone, second);
  const start = Math.floor((second + clock.offsetSeconds) / HOUR) * HOUR - clock.offsetSeconds;
  return { fromSecond: Math.max(start, clock.fromSecond), toSecond: Math.min(start + HOUR, clock.toSecond) };
}

/** A clock that is put back over midnight shows the day before once more: that is the new day all the same, which has begun. */
function dayAt(zone: TimeZone, second: number): SecondRange {
  let day = Math.floor((second + clockAt(zone, second).offsetSeconds) / DAY);
  while (secondOfLocalTime(zone, (day + 1) * DAY) <= second) day += 1;
  return { fromSecond: secondOfLocalTime(zone, day * DAY), toSecond: secondOfLocalTime(zone, (day + 1) * DAY) };
}

/** Adds a run that begins at or after the last one; one that goes on like the last, or lies in a window told of before, adds nothing. */
function append(runs: WindowRun[], run: WindowRun): void {
  const last = runs.at(-1);
  if (last === undefined || run.fromSecond > last.fromSecond) {
    if (last === undefined || !goesOn(last, run)) runs.push(run);
  } else if (run.fromSecond === last.fromSecond) {
    runs[runs.length - 1] = run;
  }
}

function goesOn(last: WindowRun, run: WindowRun): boolean {
  return run.windowSeconds === last.windowSeconds && (run.fromSecond - last.fromSecond) % last.windowSeconds === 0;
}
