import type { DeltaRow, LedgerRow } from '../../core/cells/cell.ts';
import { dispositionName, reasonName } from '../../core/disposition.ts';
import { assert } from '../../core/errors.ts';
import { EVENT_KINDS, type EventKind } from '../../core/event.ts';
import type { CellDimensions } from '../../core/judgement/judgement.ts';
import { viewersToState } from '../../core/sketch/uniques.ts';
import type { EpochMs } from '../../core/time.ts';
import type { Writers } from './native/block.ts';
import type { DELTA_COLUMNS, LEDGER_COLUMNS, SINK_FRAME_COLUMNS } from './landing-tables.ts';
import type { DIMENSIONS, OUTCOME, PROVENANCE } from './table.ts';

/** One frame on its way into a table: where it lay in the log, whose it is, and when its range was claimed. */
export type FrameOrigin = {
  readonly partition: number;
  readonly offset: number;
  readonly storedAtMs: EpochMs;
  readonly shard: string;
  readonly epoch: number;
  readonly seq: number;
  readonly region: string;
  readonly source: string;
};

const KIND_NAMES: (EventKind | undefined)[] = [];
for (const name of Object.keys(EVENT_KINDS) as EventKind[]) KIND_NAMES[EVENT_KINDS[name]] = name;

const NOBODY = viewersToState(new Uint32Array(0));

/** Adds a frame's cells. */
export function addDeltas(to: Writers<typeof DELTA_COLUMNS>, origin: FrameOrigin, rows: readonly DeltaRow[]): void {
  fillProvenance(to, origin, rows.length);
  to.region.fill(origin.region, rows.length);
  for (const row of rows) {
    to.second.push(row.second);
    pushDimensions(to, row.dimensions);
    pushOutcome(to, row);
    to.count.push(row.count);
    to.billable.push(row.billable);
    to.viewable.push(row.viewable);
    to.late.push(row.late);
    to.cost_nanos.push(row.costNanos);
    to.users.push(row.viewers === null ? NOBODY : viewersToState(row.viewers));
  }
}

/** Adds terms of the conservation ledger, of whatever stage. */
export function addLedger(
  to: Writers<typeof LEDGER_COLUMNS>,
  origin: FrameOrigin,
  rows: readonly (Omit<LedgerRow, 'stage'> & { readonly stage: LedgerRow['stage'] | 'hub' })[],
): void {
  fillProvenance(to, origin, rows.length);
  for (const row of rows) {
    to.stage.push(row.stage);
    to.region.push(row.region);
    to.received_second.push(row.receivedSecond);
    to.term.push(row.term);
    to.count.push(row.count);
  }
}

/** Adds the sink's own note that a frame is in the store, with the rows it brought. */
export function addSinkFrame(
  to: Writers<typeof SINK_FRAME_COLUMNS>,
  origin: FrameOrigin,
  note: { readonly log: string; readonly topic: string; readonly digest: string; readonly rows: number },
): void {
  fillProvenance(to, origin, 1);
  to.log.push(note.log);
  to.topic.push(note.topic);
  to.digest.push(note.digest);
  to.rows.push(note.rows);
}

/** The columns that are the same for `count` rows of a frame. */
export function fillProvenance(to: Writers<typeof PROVENANCE>, origin: FrameOrigin, count: number): void {
  to.stored_at.fill(origin.storedAtMs, count);
  to.log_partition.fill(origin.partition, count);
  to.log_offset.fill(origin.offset, count);
  to.shard.fill(origin.shard, count);
  to.epoch.fill(origin.epoch, count);
  to.seq.fill(origin.seq, count);
}

/** Every dimension but the region, which is the frame's. */
export function pushDimensions(to: Omit<Writers<typeof DIMENSIONS>, 'region'>, dimensions: CellDimensions): void {
  to.advertiser_id.push(dimensions.advertiserId);
  to.campaign_id.push(dimensions.campaignId);
  to.ad_id.push(dimensions.adId);
  to.creative_id.push(dimensions.creativeId);
  to.publisher_id.push(dimensions.publisherId);
  to.placement_id.push(dimensions.placementId);
  to.country.push(dimensions.country);
  to.device_type.push(dimensions.deviceType);
}

/** Codes become names here. A reason that this code does not know is a newer shard's: it keeps its number. */
export function pushOutcome(
  to: Writers<typeof OUTCOME>,
  outcome: { readonly kind: number; readonly disposition: number; readonly reason: number },
): void {
  const kind = KIND_NAMES[outcome.kind];
  const disposition = dispositionName(outcome.disposition);
  assert(kind !== undefined && disposition !== undefined, 'an outcome has a known kind and disposition');
  to.kind.push(kind);
  to.disposition.push(disposition);
  to.reason.push(outcome.reason === 0 ? '' : (reasonName(outcome.reason) ?? `reason_${outcome.reason}`));
}
