/** An IANA time zone's name, in the spelling that engines know. */
export type TimeZone = string & { readonly __timeZone: true };

export const UTC = 'UTC' as TimeZone;

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

/** How far the zone's clock is ahead of UTC at an instant, in seconds. */
export function offsetSecondsAt(zone: TimeZone, epochSecond: number): number {
  if (zone === UTC) return 0;
  const parts = new Map(formatterOf(zone).formatToParts(epochSecond * 1_000).map(({ type, value }) => [type, Number(value)]));
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
  const local = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
  return local / 1_000 - epochSecond;
}

/**
 * The coarsest step, of `stepsSeconds` from fine to coarse, whose UTC buckets never straddle one of the zone's own hours or
 * days in the range (half-hour zones need minutes, for their hours begin at :30).
 */
export function alignedStep(zone: TimeZone, range: { fromSecond: number; toSecond: number }, stepsSeconds: readonly number[]): number {
  const finest = stepsSeconds[0] ?? 1;
  if (zone === UTC) return stepsSeconds.at(-1) ?? finest;
  const offsets = sampleSeconds(range).map((second) => offsetSecondsAt(zone, second));
  return stepsSeconds.findLast((step) => offsets.every((offset) => offset % step === 0)) ?? finest;
}

/** Zones move their clocks by the season: a sample a month sees it, and over long ranges one in 200 still meets every season. */
const SAMPLE_SECONDS = 30 * 86_400;
const SAMPLES_MAX = 200;

function sampleSeconds({ fromSecond, toSecond }: { fromSecond: number; toSecond: number }): number[] {
  const stepSeconds = Math.max(SAMPLE_SECONDS, Math.ceil((toSecond - fromSecond) / SAMPLES_MAX));
  const samples = [toSecond];
  for (let second = fromSecond; second < toSecond; second += stepSeconds) samples.push(second);
  return samples;
}

const formatters = new Map<TimeZone, Intl.DateTimeFormat>();

function formatterOf(zone: TimeZone): Intl.DateTimeFormat {
  const held = formatters.get(zone);
  if (held !== undefined) return held;
  const numeric = 'numeric' as const;
  const made = new Intl.DateTimeFormat('en', {
    timeZone: zone,
    hourCycle: 'h23',
    year: numeric,
    month: numeric,
    day: numeric,
    hour: numeric,
    minute: numeric,
    second: numeric,
  });
  formatters.set(zone, made);
  return made;
}

/** The first instant whose clock in `zone` shows the given local time, itself written as if it were UTC; in seconds. */
export function secondOfLocalTime(zone: TimeZone, localSecond: number): number {
  const guess = localSecond - offsetSecondsAt(zone, localSecond);
  return localSecond - offsetSecondsAt(zone, guess);
}
