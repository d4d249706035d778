import { viewerStates } from '../../core/sketch/uniques.ts';
import type { DeltaCells, UnusualValues } from '../wire/delta-cells.ts';
import { USUAL } from '../wire/delta-cells.ts';
import { dispositionText, fillProvenance, kindText, reasonText, type FrameOrigin } from './frame-blocks.ts';
import type { DELTA_COLUMNS } from './landing-tables.ts';
import type { Writers } from './native/block.ts';
import type { WideIntColumn } from './native/number-columns.ts';

/** Adds a frame's cells, a column at a time: a text is looked up once for each combination and not for each cell. */
export function addCells(to: Writers<typeof DELTA_COLUMNS>, origin: FrameOrigin, cells: DeltaCells): void {
  const { rowCount, ads, places, audiences, outcomes, measures, viewers } = cells;
  fillProvenance(to, origin, rowCount);
  to.region.fill(origin.region, rowCount);
  to.second.append(cells.seconds);
  to.advertiser_id.pick(ads.values.advertiserId, ads.of);
  to.campaign_id.pick(ads.values.campaignId, ads.of);
  to.ad_id.pick(ads.values.adId, ads.of);
  to.creative_id.pick(ads.values.creativeId, ads.of);
  to.publisher_id.pick(places.values.publisherId, places.of);
  to.placement_id.pick(places.values.placementId, places.of);
  to.country.pick(audiences.values.country, audiences.of);
  to.device_type.pick(audiences.values.deviceType, audiences.of);
  to.kind.pick(outcomes.values.kind.map(kindText), outcomes.of);
  to.disposition.pick(outcomes.values.disposition.map(dispositionText), outcomes.of);
  to.reason.pick(outcomes.values.reason.map(reasonText), outcomes.of);
  addMeasure(to.count, rowCount, USUAL.count, measures.count);
  addMeasure(to.billable, rowCount, USUAL.billable, measures.billable);
  addMeasure(to.viewable, rowCount, USUAL.viewable, measures.viewable);
  addMeasure(to.late, rowCount, USUAL.late, measures.late);
  addMeasure(to.cost_nanos, rowCount, USUAL.costNanos, measures.costNanos);
  to.users.append(viewerStates(viewers.counts, viewers.halves), rowCount);
}

function addMeasure(to: WideIntColumn, rowCount: number, usual: number, { rows, values }: UnusualValues): void {
  const first = to.length;
  to.fill(usual, rowCount);
  for (let i = 0; i < rows.length; i++) to.set(first + rows[i]!, values[i]!);
}
