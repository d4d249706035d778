import { conserve } from '../../core/ledger/conservation.ts';
import type { World } from '../world.ts';

/** Edge, shard, hub and store have seen the same events, region by region: added up here, and by the code that shows it to operators. */
export function checkLedger(world: World): void {
  const { store, verdict, probes } = world;
  const sums = new Map<string, number>();
  const add = (name: string, count: number): void => void sums.set(name, (sums.get(name) ?? 0) + count);
  for (const row of store.rows('ledger')) {
    const [stage, region, term] = [String(row['stage']), String(row['region']), String(row['term'])];
    const isRejection = stage === 'edge' && term !== 'accepted';
    if (isRejection) probes.sometimes('a rejection was booked');
    else add(`${region} ${stage}`, Number(row['count']));
    if (stage !== 'edge') add(`${region} ${stage} ${term}`, Number(row['count']));
  }
  for (const row of store.rows('raw_events')) {
    add(`${String(row['region'])} store`, 1);
    add(`${String(row['region'])} store ${String(row['disposition'])}`, 1);
  }
  for (const [name, count] of sums) {
    const [region, stage, term] = name.split(' ') as [string, string, string | undefined];
    const other = term === undefined ? `${region} store` : `${region} store ${term}`;
    verdict.check(stage === 'store' || (sums.get(other) ?? 0) === count, 'received = rejected + accepted, at every stage', () => `${name} ${count}, ${other} ${sums.get(other) ?? 0}`);
  }
  const shown = conserve(totalsOf(world), 0);
  verdict.check(shown.holds, 'received = rejected + accepted, at every stage', () => `operators are shown ${JSON.stringify(shown.regions.flatMap(({ identities }) => identities.filter(({ holds }) => !holds)))}`);
}

function totalsOf({ store }: World): Parameters<typeof conserve>[0] {
  const ledger = store.rows('ledger').map((row) => ({ stage: row['stage'] as 'edge' | 'shard' | 'hub', region: String(row['region']), term: String(row['term']), count: Number(row['count']) }));
  const raw = store.rows('raw_events').map((row) => ({ stage: 'store' as const, region: String(row['region']), term: String(row['disposition']), count: 1 }));
  return [...ledger, ...raw];
}
