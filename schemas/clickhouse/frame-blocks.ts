import type { LedgerRow } from '../../core/cells/cell.ts';
import { dispositionName, reasonName } from '../../core/disposition.ts';
import { assert } from '../../core/errors.ts';
import { EVENT_KINDS, type EventKind } from '../../core/event.ts';
import type { CellDimensions } from '../../core/judgement/judgement.ts';
import type { EpochMs } from '../../core/time.ts';
import type { Writers } from './native/block.ts';
import type { LEDGER_COLUMNS, SINK_FRAME_COLUMNS } from './landing-tables.ts';
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

/** What became of an event, by its codes. */
export function pushOutcome(
  to: Writers<typeof OUTCOME>,
  outcome: { readonly kind: number; readonly disposition: number; readonly reason: number },
): void {
  to.kind.push(kindText(outcome.kind));
  to.disposition.push(dispositionText(outcome.disposition));
  to.reason.push(reasonText(outcome.reason));
}

/** Codes become names here. */
export function kindText(kind: number): string {
  const name = KIND_NAMES[kind];
  assert(name !== undefined, 'an outcome has a known kind');
  return name;
}

export function dispositionText(disposition: number): string {
  const name = dispositionName(disposition);
  assert(name !== undefined, 'an outcome has a known disposition');
  return name;
}

/** A reason that this code does not know is a newer shard's: it keeps its number. */
export function reasonText(reason: number): string {
  return reason === 0 ? '' : (reasonName(reason) ?? `reason_${reason}`);
}
