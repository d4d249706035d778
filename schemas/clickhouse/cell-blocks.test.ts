import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { DeltaRow } from '../../core/cells/cell.ts';
import { dispositionName, reasonName } from '../../core/disposition.ts';
import { EVENT_KINDS } from '../../core/event.ts';
import { Uniques } from '../../core/sketch/uniques.ts';
import { readNative } from '../../simulation/engines/native-block.ts';
import { encodeDeltaSection, openDeltaSection } from '../wire/delta-section.ts';
import { anyDelta } from '../wire/wire-arbitraries.ts';
import { addCells } from './cell-blocks.ts';
import type { FrameOrigin } from './frame-blocks.ts';
import { DEFAULT_RETENTION, landingTables } from './landing-tables.ts';
import { newBlock, sealBlock } from './native/block.ts';

const { deltas } = landingTables(DEFAULT_RETENTION);

const originOf = (offset: number): FrameOrigin => ({
  partition: 3,
  offset,
  storedAtMs: 1_773_100_800_123,
  shard: `live.us.e0.${offset}.0`,
  epoch: 1_700_000_000_000,
  seq: 2 ** 40 + offset,
  region: offset % 2 === 0 ? 'us' : 'eu',
  source: 'live',
});

/** The rows of these frames as the engine reads them out of one block. */
function stored(frames: readonly (readonly DeltaRow[])[]) {
  const block = newBlock(deltas, 1);
  frames.forEach((rows, offset) => addCells(block.columns, originOf(offset), openDeltaSection(encodeDeltaSection({ rows, ledger: [] })).cells));
  return readNative(sealBlock(block));
}

/** What a row must look like in the store, told without any column. */
function asStored(row: DeltaRow, offset: number) {
  const { dimensions: d } = row;
  const users = new Uniques();
  for (let i = 0; i < (row.viewers?.length ?? 0); i += 2) users.add(row.viewers![i]!, row.viewers![i + 1]!);
  const { storedAtMs, region, shard, epoch, seq } = originOf(offset);
  return {
    stored_at: storedAtMs,
    log_partition: 3,
    log_offset: String(offset),
    shard,
    epoch: String(epoch),
    seq: String(seq),
    second: row.second,
    region,
    advertiser_id: d.advertiserId,
    campaign_id: d.campaignId,
    ad_id: d.adId,
    creative_id: d.creativeId,
    publisher_id: d.publisherId,
    placement_id: d.placementId,
    country: d.country,
    device_type: d.deviceType,
    kind: Object.entries(EVENT_KINDS).find(([, code]) => code === row.kind)?.[0],
    disposition: dispositionName(row.disposition),
    reason: row.reason === 0 ? '' : (reasonName(row.reason) ?? `reason_${row.reason}`),
    count: row.count,
    billable: row.billable,
    viewable: row.viewable,
    late: row.late,
    cost_nanos: row.costNanos,
    users: Buffer.from(users.toState()).toString('hex'),
  };
}

const comparable = (rows: readonly object[]): string[] =>
  rows.map((row) => JSON.stringify(Object.entries(row).map(([name, value]) => [name, value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value]).sort())).sort();

test('the cells of several frames are in one block, each as its shard counted it', () => {
  fc.assert(
    fc.property(fc.array(fc.array(anyDelta, { maxLength: 20 }), { minLength: 1, maxLength: 4 }), (frames) => {
      expect(comparable(stored(frames))).toEqual(comparable(frames.flatMap((rows, offset) => rows.map((row) => asStored(row, offset)))));
    }),
  );
});

test('as many texts as a byte, or two, cannot number stay apart', () => {
  const row = fc.sample(anyDelta, { numRuns: 1, seed: 1 })[0]!;
  const frames = [200, 200, 70_000].map((count, frame) =>
    Array.from({ length: count }, (_, i): DeltaRow => ({ ...row, second: i, dimensions: { ...row.dimensions, adId: `ad-${frame}-${i}`, country: i === 7 ? 'DE' : 'US' } })),
  );
  const seen = stored(frames).map((cells) => `${cells['log_offset']} ${cells['second']} ${cells['ad_id']} ${cells['country']}`);
  expect(seen).toEqual(frames.flatMap((rows, frame) => rows.map(({ second, dimensions }) => `${frame} ${second} ${dimensions.adId} ${dimensions.country}`)));
});

test('viewers of any number become the state of the sketch', () => {
  const row = fc.sample(anyDelta, { numRuns: 1, seed: 1 })[0]!;
  const rows = [0, 1, 16, 17, 127, 128, 4_096, 4_097].map((count, second): DeltaRow => {
    const hashes = BigUint64Array.from({ length: count }, (_, i) => BigInt.asUintN(64, BigInt(i + 1) * 11400714819323198485n)).sort();
    const counted = { kind: EVENT_KINDS.click, disposition: 1, reason: 0, billable: 0, viewable: 0, late: 0, costNanos: 0 };
    return { ...row, ...counted, second, viewers: count === 0 ? null : new Uint32Array(hashes.buffer) };
  });
  expect(comparable(stored([rows]))).toEqual(comparable(rows.map((each) => asStored(each, 0))));
});
