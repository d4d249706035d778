import { DISPOSITIONS, REASONS } from '../../core/disposition.ts';
import { type AdTerms, EVENT_FLAGS, EVENT_KINDS, type JudgedFields, NO_KEY } from '../../core/event.ts';
import type { KeyHasher } from '../../core/hash.ts';
import type { Attribution, CellDimensions, JudgeableBatch, Judgement } from '../../core/judgement/judgement.ts';
import { resolveEventTime } from '../../core/time.ts';
import type { OracleEvent, OracleOutcome, OracleWindows } from './naive-oracle.ts';

/** Plain events as a shard would get them from an edge; `placementId` carries the event's number, so that corrections find it. */
export function plainBatch(events: readonly OracleEvent[], windows: OracleWindows, hasher: KeyHasher, firstNumber = 0): JudgeableBatch {
  return {
    eventCount: events.length,
    fields: (index) => fieldsOf(events[index]!, hasher),
    terms: (index) => termsOf(events[index]!, windows),
    dimensions: (index) => dimensionsOf(events[index]!, firstNumber + index),
    eventId: (index) => events[index]!.eventId,
  };
}

/** Judgements and corrections in the oracle's words. */
export function outcomesOf(events: readonly OracleEvent[], judgements: readonly Judgement[], attributions: readonly Attribution[]): OracleOutcome[] {
  const woken = new Map<number, number>();
  for (const { click } of attributions) {
    const number = Number(click.cell.placementId);
    woken.set(number, (woken.get(number) ?? 0) + 1);
  }
  return judgements.map((judgement, index) => {
    const { eventTimeMs } = resolveEventTime(events[index]!.eventClaimMs, events[index]!.receivedAtMs);
    const timesBillable = (judgement.billable ? 1 : 0) + (woken.get(index) ?? 0);
    if (timesBillable > 1) throw new Error(`event ${index} was made billable ${timesBillable} times`);
    return {
      disposition: nameOf(DISPOSITIONS, judgement.disposition) as OracleOutcome['disposition'],
      reason: reasonOf(judgement),
      kind: nameOf(EVENT_KINDS, judgement.kind),
      eventTimeMs,
      late: judgement.late,
      viewable: judgement.viewable,
      billable: timesBillable === 1,
    };
  });
}

function fieldsOf(event: OracleEvent, hasher: KeyHasher): JudgedFields {
  const { eventTimeMs, clockSkewed } = resolveEventTime(event.eventClaimMs, event.receivedAtMs);
  const kind = EVENT_KINDS[event.kind];
  const impressionId = event.kind === 'impression' ? event.eventId : event.impressionId;
  const screenedReason = event.screened ? REASONS.declared_bot : REASONS.none;
  return {
    kind,
    flags: (event.viewable ? EVENT_FLAGS.viewable : 0) | (event.tokenBound ? EVENT_FLAGS.tokenBound : 0) | (clockSkewed ? EVENT_FLAGS.clockSkewed : 0),
    eventTimeMs,
    receivedAtMs: event.receivedAtMs,
    id: hasher.id(kind, event.adId, event.eventId),
    viewer: event.viewer === '' ? NO_KEY : hasher.viewer(event.viewer),
    join: impressionId === undefined ? NO_KEY : hasher.join(event.adId, impressionId),
    screenedReason,
    reasonMask: screenedReason === 0 ? 0 : 1 << screenedReason,
  };
}

function termsOf(event: OracleEvent, windows: OracleWindows): AdTerms {
  return { adId: event.adId, campaignId: 'spring', advertiserId: 'acme', creativeId: '', ...windows, pricing: { model: 'cpc', micros: 100_000, currency: 'USD' } };
}

function dimensionsOf(event: OracleEvent, number: number): CellDimensions {
  return { advertiserId: 'acme', campaignId: 'spring', adId: event.adId, creativeId: '', publisherId: 'p', placementId: String(number), country: '', deviceType: 'other' };
}

function reasonOf(judgement: Judgement): OracleOutcome['reason'] {
  const name = nameOf(REASONS, judgement.reason);
  if (name === 'none') return '';
  return name === 'retry' || name === 'repeat_click' || name === 'too_late' ? name : 'screened';
}

function nameOf<Name extends string>(codes: Readonly<Record<Name, number>>, code: number): Name {
  return (Object.keys(codes) as Name[]).find((name) => codes[name] === code)!;
}
