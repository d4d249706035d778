import { type DispositionCode, DISPOSITIONS, type ReasonCode, REASONS } from '../disposition.ts';
import { type AdTerms, EVENT_FLAGS, EVENT_KINDS, type EventKindCode, type JudgedFields } from '../event.ts';
import type { DescribeClick, ShardMemory } from '../memory/shard-memory.ts';
import { clickCostNanos, impressionCostNanos, type Nanos, type Pricing } from '../money.ts';
import { latenessOf } from '../time.ts';
import type { Judgement, WaitingClick } from './judgement.ts';

/** What became of an event, and the clicks that waited for it. */
export type Verdict = { readonly judgement: Judgement; readonly woken: readonly WaitingClick[] };

/**
 * Judges one event and claims what it claims: the next call sees it. The first rule that applies decides; the mask names
 * every one that matched. `describe` is asked only for a counted click that must wait for its impression, `mayWake` for each click that
 * would be woken: one that may not goes on waiting.
 * Source: DESIGN §2, order of judgement.
 */
export function judge(event: JudgedFields, terms: AdTerms, memory: ShardMemory, describe: DescribeClick, mayWake: (click: WaitingClick) => boolean): Verdict {
  const judgement = decide(event, terms, memory);
  const woken = isCounted(judgement, EVENT_KINDS.impression) ? memory.clicksWokenBy(event).filter(mayWake) : NOBODY;
  memory.remember(event, terms, judgement, describe);
  for (const click of woken) memory.applyAttribution(event.join, click);
  return { judgement, woken };
}

function decide(event: JudgedFields, terms: AdTerms, memory: ShardMemory): Judgement {
  const kind = event.kind === EVENT_KINDS.viewable ? EVENT_KINDS.impression : event.kind;
  const isClaimed = memory.hasClaimed(event, terms);
  const isNews = isClaimed && isViewable(event) && !memory.hasSettledView(event, terms);
  const isRetry = isClaimed && !isNews;
  const lateness = latenessOf(event.eventTimeMs, event.receivedAtMs);
  const isTooLate = lateness === 'too_late';
  const isRepeat = kind === EVENT_KINDS.click && memory.hasClickNear(event, terms);
  const reasonMask = event.reasonMask | maskOf(isRetry, REASONS.retry) | maskOf(isTooLate, REASONS.too_late) | maskOf(isRepeat, REASONS.repeat_click);

  if (event.screenedReason !== REASONS.none) return uncounted(kind, DISPOSITIONS.filtered, event.screenedReason as ReasonCode, reasonMask);
  if (isRetry) return uncounted(kind, DISPOSITIONS.duplicate, REASONS.retry, reasonMask);
  if (isTooLate) return uncounted(isNews ? EVENT_KINDS.viewable : kind, DISPOSITIONS.held, REASONS.too_late, reasonMask);
  if (isRepeat) return uncounted(kind, DISPOSITIONS.duplicate, REASONS.repeat_click, reasonMask);
  const booked = isNews ? EVENT_KINDS.viewable : kind;
  const billable = booked === EVENT_KINDS.click && memory.hasImpressionFor(event, terms);
  const late = lateness === 'late';
  const viewable = kind === EVENT_KINDS.impression && isViewable(event);
  return shared({ disposition: DISPOSITIONS.counted, reason: REASONS.none, reasonMask, kind: booked, late, viewable, billable, costNanos: costOf(booked, billable, terms.pricing) });
}

const NOBODY: readonly WaitingClick[] = [];

/** Cost follows what is paid for: a click with its impression, or an impression's first sight. */
function costOf(kind: EventKindCode, billable: boolean, pricing: Pricing): Nanos {
  switch (kind) {
    case EVENT_KINDS.click:
      return billable ? clickCostNanos(pricing) : 0;
    case EVENT_KINDS.impression:
      return impressionCostNanos(pricing);
    case EVENT_KINDS.viewable:
    case EVENT_KINDS.conversion:
      return 0;
  }
}

function uncounted(kind: EventKindCode, disposition: DispositionCode, reason: ReasonCode, reasonMask: number): Judgement {
  return shared({ disposition, reason, reasonMask, kind, late: false, viewable: false, billable: false, costNanos: 0 });
}

/** The latest judgement of each kind and disposition. */
const latest: Judgement[] = [];

/** Equal judgements are one object: a batch keeps hundreds until it is booked, and nearly all of them are alike. */
function shared(judgement: Judgement): Judgement {
  const at = judgement.kind * DISPOSITIONS_PER_KIND + judgement.disposition;
  const known = latest[at];
  return known !== undefined && isSame(known, judgement) ? known : (latest[at] = judgement);
}

const DISPOSITIONS_PER_KIND = 8;

function isSame(a: Judgement, b: Judgement): boolean {
  return a.reason === b.reason && a.reasonMask === b.reasonMask && a.costNanos === b.costNanos && a.late === b.late && a.viewable === b.viewable && a.billable === b.billable;
}

function isViewable(event: JudgedFields): boolean {
  return event.kind === EVENT_KINDS.viewable || (event.kind === EVENT_KINDS.impression && (event.flags & EVENT_FLAGS.viewable) !== 0);
}

function isCounted(judgement: Judgement, kind: EventKindCode): boolean {
  return judgement.disposition === DISPOSITIONS.counted && judgement.kind === kind;
}

function maskOf(matched: boolean, reason: ReasonCode): number {
  return matched ? 1 << reason : 0;
}
