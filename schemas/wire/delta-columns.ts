import type { DeltaRow } from '../../core/cells/cell.ts';
import { assertDelta } from '../../core/cells/delta.ts';
import { assert } from '../../core/errors.ts';
import type { CellDimensions } from '../../core/judgement/judgement.ts';
import { corrupt } from './bytes.ts';
import type { ByteReader, ByteWriter } from './bytes.ts';
import { readInterned } from './dimension-table.ts';
import type { StringInterner } from './dimension-table.ts';
import { orderBySecondAndAd } from './delta-order.ts';
import { TupleTable } from './tuple-table.ts';
import { readViewers, writeViewers } from './viewer-column.ts';

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

/** Bits of a row's mask: set where the measure is not `USUAL`. */
const MEASURES = ['count', 'billable', 'viewable', 'late', 'costNanos'] as const;
const USUAL = [1, 0, 0, 0, 0] as const;
const HAS_VIEWERS = 1 << MEASURES.length;
/** Five indices or steps and a mask. */
const MIN_ROW_BYTES = 6;
/** Several times the largest `maxCells`, as a last batch may bring tens of thousands more; beyond, a section would fill the hub's memory with objects. */
export const MAX_DELTA_ROWS = 262_144;

type Tables = { readonly ads: readonly AdPart[]; readonly places: readonly PlacePart[]; readonly audiences: readonly AudiencePart[]; readonly outcomes: readonly OutcomePart[] };
type AdPart = Pick<CellDimensions, 'advertiserId' | 'campaignId' | 'adId' | 'creativeId'>;
type PlacePart = Pick<CellDimensions, 'publisherId' | 'placementId'>;
type AudiencePart = Pick<CellDimensions, 'country' | 'deviceType'>;
type OutcomePart = Pick<DeltaRow, 'kind' | 'disposition' | 'reason'>;

/** Appends all rows; each is asserted first. Strings go to `strings`, which is written elsewhere. */
export function writeDeltaColumns(writer: ByteWriter, rows: readonly DeltaRow[], strings: StringInterner): void {
  assert(rows.length <= MAX_DELTA_ROWS, 'a frame holds so many cells');
  const interned = internRows(rows, strings);
  const { adOf, placeOf, audienceOf, outcomeOf } = interned;
  writeTables(writer, interned);
  const order = orderBySecondAndAd(rows, adOf);
  writer.varint(rows.length);
  let previousSecond = 0;
  for (const i of order) {
    writer.signed(rows[i]!.second - previousSecond);
    previousSecond = rows[i]!.second;
  }
  for (const column of [adOf, placeOf, audienceOf, outcomeOf]) for (const i of order) writer.varint(column[i]!);
  for (const i of order) writer.u8(maskOf(rows[i]!));
  for (const [m, measure] of MEASURES.entries()) {
    for (const i of order) if (rows[i]![measure] !== USUAL[m]) writer.signed(rows[i]![measure]);
  }
  writeViewers(writer, order, rows);
}

/** Reads what `writeDeltaColumns` wrote. Structure is checked here; the rows' sense is `deltaFault`'s. */
export function readDeltaColumns(reader: ByteReader, strings: readonly string[]): DeltaRow[] {
  const tables = readTables(reader, strings);
  const count = reader.count(MIN_ROW_BYTES);
  if (count > MAX_DELTA_ROWS) corrupt(`${count} cells are above the limit`);
  const seconds = readSeconds(reader, count);
  const adOf = readIndices(reader, count, tables.ads.length);
  const placeOf = readIndices(reader, count, tables.places.length);
  const audienceOf = readIndices(reader, count, tables.audiences.length);
  const outcomeOf = readIndices(reader, count, tables.outcomes.length);
  const masks = reader.take(count);
  const measures = MEASURES.map((_, m) => readMeasure(reader, masks, m));
  const viewers = readViewers(reader, masks, HAS_VIEWERS);
  const rows: DeltaRow[] = [];
  for (let i = 0; i < count; i++) {
    const ad = tables.ads[adOf[i]!]!;
    const place = tables.places[placeOf[i]!]!;
    const audience = tables.audiences[audienceOf[i]!]!;
    const outcome = tables.outcomes[outcomeOf[i]!]!;
    rows.push({
      second: seconds[i]!,
      dimensions: {
        advertiserId: ad.advertiserId,
        campaignId: ad.campaignId,
        adId: ad.adId,
        creativeId: ad.creativeId,
        publisherId: place.publisherId,
        placementId: place.placementId,
        country: audience.country,
        deviceType: audience.deviceType,
      },
      kind: outcome.kind,
      disposition: outcome.disposition,
      reason: outcome.reason,
      count: measures[0]![i]!,
      billable: measures[1]![i]!,
      viewable: measures[2]![i]!,
      late: measures[3]![i]!,
      costNanos: measures[4]![i]!,
      viewers: viewers[i] ?? null,
    });
  }
  return rows;
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

function readTables(reader: ByteReader, strings: readonly string[]): Tables {
  const text = (): string => readInterned(reader, strings);
  return {
    ads: readTable(reader, 4, () => ({ advertiserId: text(), campaignId: text(), adId: text(), creativeId: text() })),
    places: readTable(reader, 2, () => ({ publisherId: text(), placementId: text() })),
    audiences: readTable(reader, 2, () => ({ country: text(), deviceType: text() })),
    outcomes: readTable(reader, 3, () => ({ kind: reader.u8(), disposition: reader.u8(), reason: reader.u8() })),
  };
}

function readTable<Part>(reader: ByteReader, minBytesEach: number, readPart: () => Part): Part[] {
  const count = reader.count(minBytesEach);
  if (count > MAX_DELTA_ROWS) corrupt(`a table of ${count} is above the limit`);
  const parts: Part[] = [];
  for (let i = 0; i < count; i++) parts.push(readPart());
  return parts;
}

function readSeconds(reader: ByteReader, count: number): Float64Array {
  const seconds = new Float64Array(count);
  let second = 0;
  for (let i = 0; i < count; i++) {
    second += reader.signed();
    seconds[i] = second;
  }
  return seconds;
}

function readIndices(reader: ByteReader, count: number, limit: number): Uint32Array {
  const indices = new Uint32Array(count);
  for (let i = 0; i < count; i++) indices[i] = reader.below(limit, 'table index');
  return indices;
}

function readMeasure(reader: ByteReader, masks: Uint8Array, m: number): Float64Array {
  const values = new Float64Array(masks.length).fill(USUAL[m]!);
  for (let i = 0; i < masks.length; i++) {
    if ((masks[i]! & (1 << m)) === 0) continue;
    const value = reader.signed();
    values[i] = value === USUAL[m] ? corrupt('a usual measure is written out') : value;
  }
  return values;
}

function maskOf(row: DeltaRow): number {
  let mask = row.viewers === null ? 0 : HAS_VIEWERS;
  for (const [m, measure] of MEASURES.entries()) if (row[measure] !== USUAL[m]) mask |= 1 << m;
  return mask;
}
