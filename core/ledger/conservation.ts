import { assert } from '../errors.ts';

/** What the doors of a region saw. `received` is the sum of what was counted one by one, rejection by rejection. */
export type EdgeTerms = { readonly received: number; readonly rejected: number; readonly accepted: number };

/** What a later stage holds: every accepted event under exactly one disposition. */
export type StageTerms = {
  readonly accepted: number;
  readonly counted: number;
  readonly duplicate: number;
  readonly filtered: number;
  readonly held: number;
};

/** The stages in the order in which an event passes them. */
export type RegionStages = {
  readonly edge: EdgeTerms;
  readonly shard: StageTerms;
  readonly hub: StageTerms;
  readonly store: StageTerms;
};

/** One equation of DESIGN §2 with both its sides. */
export type Identity = { readonly name: string; readonly left: number; readonly right: number; readonly holds: boolean };

/** One region's stages and whether they agree. */
export type RegionConservation = {
  readonly region: string;
  readonly holds: boolean;
  readonly stages: RegionStages;
  readonly identities: readonly Identity[];
};

/** The reply of `/v1/ops/conservation` but for its range. */
export type Conservation = { readonly holds: boolean; readonly inFlight: number; readonly regions: readonly RegionConservation[] };

/** A sum over ledger rows (or stored events) of one region. Terms: `accepted` or a rejection for `edge`, a disposition elsewhere. */
export type LedgerTotal = {
  readonly stage: 'edge' | 'shard' | 'hub' | 'store';
  readonly region: string;
  readonly term: string;
  readonly count: number;
};

const DISPOSITION_TERMS = ['counted', 'duplicate', 'filtered', 'held'] as const;
type DispositionTerm = (typeof DISPOSITION_TERMS)[number];

/**
 * Every identity of every region, and whether they hold.
 *
 * Within a stage they hold exactly, always. Between stages they hold exactly when nothing is under way. With `inFlight` events known to
 * be on their way (in a shard's outbox, or in the log and not yet stored) two stages may differ by no more than that, in either
 * direction: cells and raw events travel on two topics, and either may be ahead.
 */
export function conserve(totals: readonly LedgerTotal[], inFlight: number): Conservation {
  assert(Number.isSafeInteger(inFlight) && inFlight >= 0, 'events in flight are counted');
  const regions = [...groupByRegion(totals)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([region, own]) => conserveRegion(region, stagesOf(own), inFlight));
  return { holds: regions.every((region) => region.holds), inFlight, regions };
}

/** The identities of one region. */
export function conserveRegion(region: string, stages: RegionStages, inFlight: number): RegionConservation {
  const { edge, shard, hub, store } = stages;
  const identities = [
    identity('edge.received = rejected + accepted', edge.received, edge.rejected + edge.accepted, 0),
    ...(['shard', 'hub', 'store'] as const).map((stage) => withinStage(stage, stages[stage])),
    identity('edge.accepted = shard.accepted', edge.accepted, shard.accepted, inFlight),
    ...betweenStages('shard', shard, 'hub', hub, inFlight),
    ...betweenStages('hub', hub, 'store', store, inFlight),
  ];
  return { region, holds: identities.every((each) => each.holds), stages, identities };
}

function withinStage(stage: string, terms: StageTerms): Identity {
  const parts = terms.counted + terms.duplicate + terms.filtered + terms.held;
  return identity(`${stage}.accepted = counted + duplicate + filtered + held`, terms.accepted, parts, 0);
}

function betweenStages(from: string, left: StageTerms, to: string, right: StageTerms, slack: number): Identity[] {
  return (['accepted', ...DISPOSITION_TERMS] as const).map((term) =>
    identity(`${from}.${term} = ${to}.${term}`, left[term], right[term], slack),
  );
}

function identity(name: string, left: number, right: number, slack: number): Identity {
  assert(Number.isSafeInteger(left) && Number.isSafeInteger(right), `${name}: whole numbers`);
  return { name, left, right, holds: Math.abs(left - right) <= slack };
}

function groupByRegion(totals: readonly LedgerTotal[]): Map<string, LedgerTotal[]> {
  const regions = new Map<string, LedgerTotal[]>();
  for (const total of totals) {
    const own = regions.get(total.region);
    if (own === undefined) regions.set(total.region, [total]);
    else own.push(total);
  }
  return regions;
}

function stagesOf(totals: readonly LedgerTotal[]): RegionStages {
  const edge = totals.filter((total) => total.stage === 'edge');
  const accepted = sum(edge.filter((total) => total.term === 'accepted'));
  const rejected = sum(edge.filter((total) => total.term !== 'accepted'));
  return {
    edge: { received: sum(edge), rejected, accepted },
    shard: stageOf(totals, 'shard'),
    hub: stageOf(totals, 'hub'),
    store: stageOf(totals, 'store'),
  };
}

/** `accepted` is summed over all rows, so that a term that nobody knows breaks the stage's own identity instead of vanishing. */
function stageOf(totals: readonly LedgerTotal[], stage: LedgerTotal['stage']): StageTerms {
  const own = totals.filter((total) => total.stage === stage);
  const term = (name: DispositionTerm): number => sum(own.filter((total) => total.term === name));
  return { accepted: sum(own), counted: term('counted'), duplicate: term('duplicate'), filtered: term('filtered'), held: term('held') };
}

function sum(totals: readonly LedgerTotal[]): number {
  return totals.reduce((total, row) => total + row.count, 0);
}
