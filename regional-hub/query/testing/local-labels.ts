/** What wall clocks show, asked of Intl alone, an instant at a time: the judge of everything that reckons with zones. */
export function localLabels(timeZone: string) {
  const clock = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' });
  const offset = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' });
  /** `2026-09-06 01:00:00`; sorts as clocks go. */
  const shown = (second: number) => clock.format(second * 1_000);
  const offsetShown = (second: number) => offset.format(second * 1_000).split(', ')[1] as string;
  const labels = {
    '1d': (second: number) => shown(second).slice(0, 10),
    '1h': (second: number) => `${shown(second).slice(0, 13)} ${offsetShown(second)}`,
  };
  return { shown, labels };
}

/** The first second of the local hour or day that an instant lies in, found by walking back until the label changes; to be used where clocks change at whole quarters. */
export function windowWalker(timeZone: string, granularity: '1h' | '1d'): (second: number) => number {
  const label = localLabels(timeZone).labels[granularity];
  const starts = new Map<number, number>();
  return (second) => {
    const quarter = second - (second % QUARTER);
    const own = label(quarter);
    let back = quarter;
    while (!starts.has(back) && label(back - QUARTER) === own) back -= QUARTER;
    const start = starts.get(back) ?? back;
    for (let walked = back; walked <= quarter; walked += QUARTER) starts.set(walked, start);
    return start;
  };
}

const QUARTER = 900;
