import type { Row } from '../engines/native-block.ts';
import type { World } from '../world.ts';
import { markerOf } from './watch.ts';

/** What clients were told is true: everything acknowledged is there, once for each time that it came in, and what was given up was counted. */
export function checkPromises(world: World, raw: readonly Row[]): void {
  const { truth, verdict } = world;
  const stored = new Map<string, number>();
  /** Events of shards whose storage was lost, and with it what they had recorded before. */
  const unremembered = new Set<string>();
  for (const row of raw) {
    const marker = markerOf({ bidRequestId: String(row['bid_request_id']), referrer: String(row['referrer']) });
    stored.set(marker, (stored.get(marker) ?? 0) + 1);
    if (truth.resetShards.has(String(row['shard']))) unremembered.add(marker);
  }
  for (const attempt of truth.attempts) {
    for (const { marker } of attempt.events) {
      const rows = stored.get(marker) ?? 0;
      const isSpilledAnew = attempt.manner === 'promised' && unremembered.has(marker);
      verdict.check(rows <= attempt.deliveries || isSpilledAnew, 'everything acknowledged is in exactly one disposition', () => `${marker} came in ${attempt.deliveries} times and has ${rows} rows`);
      if (attempt.manner !== 'awaited' || truth.forgiven.has(marker)) continue;
      verdict.check(rows >= attempt.acknowledgements, 'nothing acknowledged is lost', () => `${marker} was acknowledged ${attempt.acknowledgements} times and has ${rows} rows`);
    }
  }
  for (const marker of new Set([...truth.durable.keys(), ...truth.held.keys()])) {
    verdict.check(stored.has(marker) || truth.forgiven.has(marker), 'nothing durable is lost', () => `${marker} was on a disk and is in no table`);
    const ways = (truth.recorded.get(marker) ?? 0) + (truth.held.get(marker) ?? 0);
    verdict.check((stored.get(marker) ?? 0) <= ways || unremembered.has(marker), 'a spilled batch is taken once', () => `${marker} went ${ways} ways and has ${stored.get(marker)} rows`);
  }
  for (const [isolate, markers] of truth.promisedBy) {
    const { unconfirmed } = world.edges.get(isolate)!.counts;
    const lost = [...new Set(markers)].filter((marker) => !stored.has(marker) && !truth.forgiven.has(marker));
    if (lost.length > 0) world.probes.sometimes('a promised event was given up with its isolate');
    verdict.check(lost.length <= unconfirmed, 'nothing promised is lost uncounted', () => `${isolate} lost ${lost.join(' ')} and owned up to ${unconfirmed}`);
  }
}
