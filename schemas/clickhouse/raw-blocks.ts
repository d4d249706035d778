import { reasonsIn } from '../../core/disposition.ts';
import { secondOf } from '../../core/time.ts';
import type { Attribution, Judgement } from '../../core/judgement/judgement.ts';
import type { Commit } from '../wire/commit.ts';
import type { EventBatchReader } from '../wire/event-batch.ts';
import { fillProvenance, pushDimensions, pushOutcome, type FrameOrigin } from './frame-blocks.ts';
import type { ATTRIBUTION_COLUMNS, RAW_COLUMNS } from './landing-tables.ts';
import type { Writers } from './native/block.ts';

type RawWriters = Writers<typeof RAW_COLUMNS>;

/** Events `from` … `to` − 1 of a commit. */
export type CommitSlice = { readonly commit: Commit; readonly from: number; readonly to: number };

/** Adds events of a commit, as judged. `row` is the commit's number in its shard's log. */
export function addRawEvents(to: RawWriters, origin: FrameOrigin, row: number, { commit, from, to: end }: CommitSlice): void {
  const { batch, judgements } = commit;
  const count = end - from;
  fillProvenance(to, origin, count);
  to.region.fill(origin.region, count);
  to.source.fill(origin.source, count);
  to.commit_row.fill(row, count);
  for (let i = from; i < end; i += 1) {
    to.event_index.push(i);
    pushTimes(to, batch, i);
    pushJudgement(to, judgements[i]!);
    pushDimensions(to, batch.dimensions(i));
    pushTerms(to, batch, i);
    pushDetail(to, batch, i);
  }
}

/** Adds the corrections of a commit: clicks that its impressions made billable. */
export function addAttributions(
  to: Writers<typeof ATTRIBUTION_COLUMNS>,
  origin: FrameOrigin,
  row: number,
  attributions: readonly Attribution[],
): void {
  fillProvenance(to, origin, attributions.length);
  to.region.fill(origin.region, attributions.length);
  to.commit_row.fill(row, attributions.length);
  for (const { click } of attributions) {
    to.click_id.push(click.clickId);
    to.click_time.push(click.eventTimeMs);
    to.cost_nanos.push(click.costNanos);
    pushDimensions(to, click.cell);
  }
}

function pushTimes(to: RawWriters, batch: EventBatchReader, i: number): void {
  const receivedAtMs = batch.receivedAtMs(i);
  to.event_time.push(batch.eventTimeMs(i));
  to.received_at.push(receivedAtMs);
  to.received_second.push(secondOf(receivedAtMs));
}

function pushJudgement(to: RawWriters, judgement: Judgement): void {
  pushOutcome(to, judgement);
  to.reasons.push(judgement.reasonMask === 0 ? NO_REASONS : reasonsIn(judgement.reasonMask));
  to.late.push(judgement.late ? 1 : 0);
  to.viewable.push(judgement.viewable ? 1 : 0);
  to.billable.push(judgement.billable ? 1 : 0);
  to.cost_nanos.push(judgement.costNanos);
}

function pushTerms(to: RawWriters, batch: EventBatchReader, i: number): void {
  const { viewer, flags } = batch.fields(i);
  const terms = batch.terms(i);
  to.viewer.pushHalves(viewer.lo, viewer.hi);
  to.flags.push(flags);
  to.click_window_ms.push(terms.clickWindowMs);
  to.idempotency_window_ms.push(terms.idempotencyWindowMs);
  to.attribution_window_ms.push(terms.attributionWindowMs);
}

function pushDetail(to: RawWriters, batch: EventBatchReader, i: number): void {
  const detail = batch.detail(i);
  to.event_id.push(batch.eventId(i));
  to.claimed_time.push(detail.claimedTimeMs);
  to.impression_id.push(detail.impressionId);
  to.click_id.push(detail.clickId);
  to.referrer.push(detail.referrer);
  to.user_agent.push(detail.userAgent);
  to.ip_prefix.push(detail.ipPrefix);
  to.bid_request_id.push(detail.bidRequestId);
  to.value_micros.push(detail.valueMicros);
  to.currency.push(detail.currency);
  to.pop.push(detail.pop);
}

const NO_REASONS: readonly string[] = [];
