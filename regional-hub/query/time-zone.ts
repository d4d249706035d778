import { MAX_EPOCH_MS, SECOND_MS } from '../../core/time.ts';

/** An IANA time zone's name. */
export type TimeZone = string & { readonly __timeZone: true };

export const UTC = 'UTC' as TimeZone;

/** A time in which a zone's clock keeps one distance from UTC. It lasts until the next stretch begins; the first has no beginning. */
export type ClockStretch = { readonly fromSecond: number; readonly offsetSeconds: number };

/** Reads an IANA zone in any case; null when there is no such zone. Fixed offsets (`+02:00`) are none: they have no days of their own. */
export function parseTimeZone(text: string): TimeZone | null {
  if (!/^[A-Za-z][A-Za-z0-9_+\-/]{1,63}$/.test(text)) return null;
  try {
    const name = new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone;
    return (name === 'UTC' || name === 'Etc/UTC' || name === 'GMT' ? 'UTC' : name) as TimeZone;
  } catch {
    return null;
  }
}

/**
 * The instant at which the clock in `zone` shows the given local time, itself written as if it were UTC; in seconds. Of a time
 * that comes twice it is the first. A time that clocks leap over is taken as much later as they leap; but a midnight begins a
 * day, so one that clocks leap over is the first instant of what follows.
 */
export function secondOfLocalTime(zone: TimeZone, localSecond: number): number {
  const stretches = clockStretches(zone);
  // Clocks are less than a day ahead of UTC or behind: earlier stretches have shown nothing as late as this.
  let found = indexAt(stretches, localSecond - DAY);
  while (localSecond - (stretches[found] as ClockStretch).offsetSeconds >= endOf(stretches, found)) found += 1;
  const { fromSecond, offsetSeconds } = stretches[found] as ClockStretch;
  const second = localSecond - offsetSeconds;
  if (second >= fromSecond) return second;
  const before = stretches[found - 1] as ClockStretch;
  return localSecond % DAY === 0 ? fromSecond : localSecond - before.offsetSeconds;
}

/** The stretch that an instant lies in, and where it ends. */
export function clockAt(zone: TimeZone, epochSecond: number): ClockStretch & { readonly toSecond: number } {
  const stretches = clockStretches(zone);
  const found = indexAt(stretches, epochSecond);
  return { ...(stretches[found] as ClockStretch), toSecond: endOf(stretches, found) };
}

/** All stretches of the zone's clock in the years that we store, in order; each differs from the one before. */
export function clockStretches(zone: TimeZone): readonly ClockStretch[] {
  const held = clocks.get(zone);
  if (held !== undefined) return held;
  const found = zone === UTC ? [{ fromSecond: -Infinity, offsetSeconds: 0 }] : readStretches(zone);
  clocks.set(zone, found);
  return found;
}

const DAY = 86_400;
/** Between two looks no clock may change and change back: the shortest summer since 1970 lasted a week (Recife, 2000). */
const LOOK_SECONDS = 6 * DAY;
/** Local times of the first and the last day lie up to a day outside of what we store. */
const CLOCKS_FROM_SECOND = -7 * DAY;
const CLOCKS_TO_SECOND = MAX_EPOCH_MS / SECOND_MS + 7 * DAY;

/** As many entries as there are zones at most; each holds some hundreds of stretches. */
const clocks = new Map<TimeZone, readonly ClockStretch[]>();

/** The last stretch that begins at or before an instant; always one, for the first has no beginning. */
function indexAt(stretches: readonly ClockStretch[], epochSecond: number): number {
  let found = 0;
  let after = stretches.length;
  while (after - found > 1) {
    const middle = (found + after) >> 1;
    if ((stretches[middle] as ClockStretch).fromSecond <= epochSecond) found = middle;
    else after = middle;
  }
  return found;
}

function endOf(stretches: readonly ClockStretch[], at: number): number {
  return stretches[at + 1]?.fromSecond ?? Infinity;
}

function readStretches(zone: TimeZone): readonly ClockStretch[] {
  const offsetAt = offsetReader(zone);
  let second = CLOCKS_FROM_SECOND;
  let offsetSeconds = offsetAt(second);
  const stretches = [{ fromSecond: -Infinity, offsetSeconds }];
  while (second < CLOCKS_TO_SECOND) {
    const next = second + LOOK_SECONDS;
    if (offsetAt(next) === offsetSeconds) {
      second = next;
      continue;
    }
    second = firstChange(offsetAt, second, next);
    offsetSeconds = offsetAt(second);
    stretches.push({ fromSecond: second, offsetSeconds });
  }
  return stretches;
}

/** The first second whose offset is no longer that of `fromSecond`, known to come by `toSecond`. */
function firstChange(offsetAt: (second: number) => number, fromSecond: number, toSecond: number): number {
  const offsetBefore = offsetAt(fromSecond);
  let last = fromSecond;
  let first = toSecond;
  while (first - last > 1) {
    const middle = Math.floor((last + first) / 2);
    if (offsetAt(middle) === offsetBefore) last = middle;
    else first = middle;
  }
  return first;
}

/** How far the zone's clock is ahead of UTC at an instant, in seconds, by the zone's data that Node carries. */
function offsetReader(zone: TimeZone): (epochSecond: number) => number {
  // The offset is written out, `GMT-04:00`: a quarter of the time that parts of a date take, and a zone is asked ten thousand times.
  const format = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' });
  return (epochSecond) => {
    const [, sign, hours, minutes, seconds = '0'] = OFFSET.exec(format.format(epochSecond * SECOND_MS)) ?? [];
    const offsetSeconds = Number(hours ?? 0) * 3_600 + Number(minutes ?? 0) * 60 + Number(seconds);
    return sign === '-' ? -offsetSeconds : offsetSeconds;
  };
}

/** UTC's own offset is written `GMT`. */
const OFFSET = /GMT([+-])(\d\d):(\d\d)(?::(\d\d))?$/;
