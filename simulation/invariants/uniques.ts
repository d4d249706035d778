import { Uniques } from '../../core/sketch/uniques.ts';
import type { World } from '../world.ts';

/** Sketches say how many viewers there were, in whatever order and however often they are merged. */
export function checkUniques(world: World): void {
  const { store, verdict, random } = world;
  const viewers = new Map<string, Set<string>>();
  for (const row of store.rows('raw_events')) {
    if (row['disposition'] !== 'counted' || String(row['viewer']) === '0') continue;
    const adId = String(row['ad_id']);
    if (!viewers.has(adId)) viewers.set(adId, new Set());
    viewers.get(adId)!.add(String(row['viewer']));
  }
  const draw = random.fork('merging');
  for (const [adId, people] of viewers) {
    const states = store.rollups.rollup_1d.rows().filter(({ dimensions }) => dimensions.ad_id === adId).flatMap(({ users }) => users);
    const once = merge(states);
    const shuffled = states.map((state) => ({ state, at: draw.next() })).sort((a, b) => a.at - b.at).map(({ state }) => state);
    const half = draw.below(states.length + 1);
    const grouped = merge([merge(shuffled.slice(0, half)).toState(), merge(shuffled.slice(half)).toState(), merge(shuffled).toState()]);
    verdict.check(once.estimate() === people.size && grouped.estimate() === people.size, 'sketches merge in any order, any grouping, any number of times', () => `${adId}: ${once.estimate()} and ${grouped.estimate()} of ${people.size}`);
  }
}

function merge(states: readonly Uint8Array[]): Uniques {
  const merged = new Uniques();
  for (const state of states) merged.merge(Uniques.fromState(state));
  return merged;
}
