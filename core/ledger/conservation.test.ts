import { describe, expect, test } from 'vitest';
import { conserve } from './conservation.ts';
import type { LedgerTotal } from './conservation.ts';

const stage = (name: LedgerTotal['stage'], region: string, terms: Record<string, number>): LedgerTotal[] =>
  Object.entries(terms).map(([term, count]) => ({ stage: name, region, term, count }));

const DISPOSITIONS = { counted: 7, duplicate: 2, filtered: 1, held: 0 };
const atRest = [
  ...stage('edge', 'us', { accepted: 10, malformed: 3 }),
  ...stage('shard', 'us', DISPOSITIONS),
  ...stage('hub', 'us', DISPOSITIONS),
  ...stage('store', 'us', DISPOSITIONS),
];

describe('conservation', () => {
  test('holds for stages that agree, with every term of the contract', () => {
    const [us] = conserve(atRest, 0).regions;
    expect(us?.holds).toBe(true);
    expect(us?.stages.edge).toEqual({ received: 13, rejected: 3, accepted: 10 });
    expect(us?.stages.store).toEqual({ accepted: 10, ...DISPOSITIONS });
    expect(us?.identities[0]).toEqual({ name: 'edge.received = rejected + accepted', left: 13, right: 13, holds: true });
  });

  test.each([
    ['an event that the store lacks', { counted: -1 }, 0, false],
    ['an event that the store has twice', { counted: 1 }, 0, false],
    ['a counted event stored as a duplicate', { counted: -1, duplicate: 1 }, 0, false],
    ['a store that trails by what is in flight', { counted: -1 }, 1, true],
    ['a store that is ahead of the cells by what is in flight', { counted: 1 }, 1, true],
    ['a store that trails by more than is in flight', { counted: -2 }, 1, false],
  ])('%s (%o, in flight %i): holds is %s', (_name, change, inFlight, holds) => {
    const changed = [...atRest, ...stage('store', 'us', change)];
    expect(conserve(changed, inFlight).holds).toBe(holds);
  });

  test('events in flight excuse no difference within a stage', () => {
    expect(conserve([...atRest, ...stage('hub', 'us', { mislaid: 1 })], 1_000).holds).toBe(false);
  });

  test('an event that the edge accepted and no shard has breaks the region it belongs to, and no other', () => {
    const eu = atRest.map((total) => ({ ...total, region: 'eu' }));
    const result = conserve([...eu, ...atRest, ...stage('edge', 'us', { accepted: 1 })], 0);
    expect(result.regions.map((region) => [region.region, region.holds])).toEqual([['eu', true], ['us', false]]);
    expect(result.regions[1]?.identities.filter((each) => !each.holds).map((each) => each.name)).toEqual(['edge.accepted = shard.accepted']);
  });

  test('nothing received conserves nothing', () => {
    expect(conserve([], 0)).toEqual({ holds: true, inFlight: 0, regions: [] });
  });
});
