import type { DeltaRow } from '../../core/cells/cell.ts';
import { assertDelta } from '../../core/cells/delta.ts';
import { assert } from '../../core/errors.ts';
import type { ByteWriter } from './byte-writer.ts';
import { HAS_VIEWERS, MAX_DELTA_ROWS, MEASURES, USUAL } from './delta-cells.ts';
import type { StringInterner } from './dimension-table.ts';
import { orderBySecondAndAd } from './delta-order.ts';
import { TupleTable } from './tuple-table.ts';
import { writeViewers } from './viewer-column.ts';

/** Tables of what rows share, then one column after another. */
export const DELTA_COLUMN_FIELDS = [
  'count ads: advertiser, campaign, ad, creative',
  'count places: publisher, placement',
  'count audiences: country, device',
  'count outcomes: u8 kind, u8 disposition, u8 reason',
  'count rows',
  'signed second step',
  'ad',
  'place',
  'audience',
  'outcome',
  'u8 measure mask',
  'measures where not usual: signed count, billable, viewable, late, costNanos',
  'viewer counts, viewers',
] as const;

/** Appends all rows; each is asserted first. Strings go to `strings`, which is written elsewhere. */
export function writeDeltaColumns(writer: ByteWriter, rows: readonly DeltaRow[], strings: StringInterner): void {
  assert(rows.length <= MAX_DELTA_ROWS, 'a frame holds so many cells');
  const interned = internRows(rows, strings);
  const { adOf, placeOf, audienceOf, outcomeOf } = interned;
  writeTables(writer, interned);
  const order = orderBySecondAndAd(rows.map((row) => row.second), adOf);
  writer.varint(rows.length);
  let previousSecond = 0;
  for (const i of order) {
    writer.signed(rows[i]!.second - previousSecond);
    previousSecond = rows[i]!.second;
  }
  for (const column of [adOf, placeOf, audienceOf, outcomeOf]) for (const i of order) writer.varint(column[i]!);
  for (const i of order) writer.u8(maskOf(rows[i]!));
  for (const measure of MEASURES) {
    for (const i of order) if (rows[i]![measure] !== USUAL[measure]) writer.signed(rows[i]![measure]);
  }
  writeViewers(writer, order, rows);
}

function internRows(rows: readonly DeltaRow[], strings: StringInterner) {
  const tables = { ads: new TupleTable(4), places: new TupleTable(2), audiences: new TupleTable(2), outcomes: new TupleTable(3) };
  const adOf = new Uint32Array(rows.length);
  const placeOf = new Uint32Array(rows.length);
  const audienceOf = new Uint32Array(rows.length);
  const outcomeOf = new Uint32Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    const d = row.dimensions;
    assertDelta(row);
    adOf[i] = tables.ads.index(strings.index(d.advertiserId), strings.index(d.campaignId), strings.index(d.adId), strings.index(d.creativeId));
    placeOf[i] = tables.places.index(strings.index(d.publisherId), strings.index(d.placementId));
    audienceOf[i] = tables.audiences.index(strings.index(d.country), strings.index(d.deviceType));
    outcomeOf[i] = tables.outcomes.index(row.kind, row.disposition, row.reason);
  }
  return { ...tables, adOf, placeOf, audienceOf, outcomeOf };
}

function writeTables(writer: ByteWriter, { ads, places, audiences, outcomes }: ReturnType<typeof internRows>): void {
  for (const table of [ads, places, audiences]) table.write(writer, (index) => writer.varint(index));
  outcomes.write(writer, (code) => writer.u8(code));
}

function maskOf(row: DeltaRow): number {
  let mask = row.viewers === null ? 0 : HAS_VIEWERS;
  for (const [m, measure] of MEASURES.entries()) if (row[measure] !== USUAL[measure]) mask |= 1 << m;
  return mask;
}
