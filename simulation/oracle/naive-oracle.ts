/**
 * What the rules say, written from the rules alone: plain arrays, every question answered by looking at everything.
 * It shares no code and no constant with what it judges, and is slow on purpose.
 */

export type OracleEvent = {
  readonly kind: 'impression' | 'click' | 'conversion';
  readonly eventId: string;
  readonly adId: string;
  /** '' = nobody known. */
  readonly viewer: string;
  /** The impression that a click claims. */
  readonly impressionId?: string;
  readonly eventClaimMs: number;
  readonly receivedAtMs: number;
  readonly viewable?: boolean;
  readonly tokenBound?: boolean;
  readonly screened?: boolean;
};

export type OracleWindows = { readonly clickWindowMs: number; readonly idempotencyWindowMs: number; readonly attributionWindowMs: number };

export type OracleOutcome = {
  readonly disposition: 'counted' | 'duplicate' | 'filtered' | 'held';
  readonly reason: '' | 'screened' | 'retry' | 'repeat_click' | 'too_late';
  /** `viewable`: the later news that an impression was in view. */
  readonly kind: 'impression' | 'click' | 'conversion' | 'viewable';
  /** The time it is booked at. */
  readonly eventTimeMs: number;
  readonly late: boolean;
  readonly viewable: boolean;
  /** A counted click that has its impression once all events are in. */
  readonly billable: boolean;
};

/** Counts of one ad in one hour, by the words of the query API. */
export type OracleTotals = Map<string, number>;

/** Judges events in the order of their arrival. */
export function askOracle(events: readonly OracleEvent[], windows: OracleWindows): OracleOutcome[] {
  const claims: Claim[] = [];
  const outcomes = events.map((event) => judgeOne(event, windows, claims));
  return outcomes.map((outcome, index) => ({ ...outcome, billable: isBillable(index, events, outcomes, windows) }));
}

/** Totals per ad and hour: `<adId> <hour's first ms> <metric>` → count. */
export function totalsOf(events: readonly OracleEvent[], outcomes: readonly OracleOutcome[]): OracleTotals {
  const totals: OracleTotals = new Map();
  for (const [index, outcome] of outcomes.entries()) {
    const hour = Math.floor(outcome.eventTimeMs / 3_600_000) * 3_600_000;
    const add = (metric: string) => {
      const name = `${events[index]!.adId} ${hour} ${metric}`;
      totals.set(name, (totals.get(name) ?? 0) + 1);
    };
    add(`gross_${outcome.kind}`);
    add(`${outcome.disposition}_${outcome.kind}`);
    if (outcome.viewable) add('viewable');
    if (outcome.billable) add('billable');
    if (outcome.late) add('late');
  }
  return totals;
}

/** An id that was accepted; `settled`: a viewable call has nothing to add to it. */
type Claim = { event: OracleEvent; receivedAtMs: number; settled: boolean; countedClickAtMs: number | undefined };

const TWO_MINUTES = 120_000;
const THIRTY_SECONDS = 30_000;
const A_DAY = 24 * 60 * 60_000;

function judgeOne(event: OracleEvent, windows: OracleWindows, claims: Claim[]): Omit<OracleOutcome, 'billable'> {
  const eventTimeMs = event.eventClaimMs > event.receivedAtMs + TWO_MINUTES ? event.receivedAtMs : event.eventClaimMs;
  const not = { kind: event.kind, eventTimeMs, late: false, viewable: false } as const;
  if (event.screened) return { ...not, disposition: 'filtered', reason: 'screened' };

  const earlier = claims.filter((claim) => isSameId(claim.event, event) && isInReach(claim, event, windows));
  const isNews = event.viewable === true && event.kind === 'impression' && earlier.length > 0 && earlier.every((claim) => !claim.settled);
  if (earlier.length > 0 && !isNews) return { ...not, disposition: 'duplicate', reason: 'retry' };

  const kind = isNews ? 'viewable' : event.kind;
  const claim: Claim = { event, receivedAtMs: event.receivedAtMs, settled: isNews, countedClickAtMs: undefined };
  claims.push(claim);
  if (event.receivedAtMs - eventTimeMs > A_DAY) {
    claim.settled = true;
    return { ...not, kind, disposition: 'held', reason: 'too_late' };
  }
  if (event.kind === 'click' && claims.some((other) => isSameClicker(other, event) && Math.abs(other.countedClickAtMs! - eventTimeMs) < windows.clickWindowMs)) {
    return { ...not, disposition: 'duplicate', reason: 'repeat_click' };
  }
  if (event.kind === 'click') claim.countedClickAtMs = eventTimeMs;
  const viewable = event.kind === 'impression' && event.viewable === true;
  if (viewable) claim.settled = true;
  return { kind, eventTimeMs, disposition: 'counted', reason: '', late: event.receivedAtMs - eventTimeMs > THIRTY_SECONDS, viewable };
}

function isSameId(a: OracleEvent, b: OracleEvent): boolean {
  return a.kind === b.kind && a.adId === b.adId && a.eventId === b.eventId;
}

function isInReach(claim: Claim, event: OracleEvent, windows: OracleWindows): boolean {
  return event.tokenBound === true || Math.abs(claim.receivedAtMs - event.receivedAtMs) <= windows.idempotencyWindowMs;
}

function isSameClicker(claim: Claim, event: OracleEvent): boolean {
  return claim.countedClickAtMs !== undefined && event.viewer !== '' && claim.event.viewer === event.viewer && claim.event.adId === event.adId;
}

function isBillable(index: number, events: readonly OracleEvent[], outcomes: readonly Omit<OracleOutcome, 'billable'>[], windows: OracleWindows): boolean {
  const click = events[index]!;
  const outcome = outcomes[index]!;
  if (outcome.kind !== 'click' || outcome.disposition !== 'counted' || click.impressionId === undefined) return false;
  return outcomes.some((other, at) => {
    if (other.kind !== 'impression' || other.disposition !== 'counted') return false;
    const gapMs = outcome.eventTimeMs - other.eventTimeMs;
    return events[at]!.adId === click.adId && events[at]!.eventId === click.impressionId && gapMs <= windows.attributionWindowMs && gapMs >= -TWO_MINUTES;
  });
}
