import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { DeltaRow } from '../../core/cells/cell.ts';
import { DISPOSITIONS } from '../../core/disposition.ts';
import { DEVICE_TYPES, EVENT_KINDS } from '../../core/event.ts';
import { decodeDeltaSection, encodeDeltaSection } from './delta-section.ts';

/** Bytes a row, with slack over what was measured: 14.9 raw (six of them the strings, once a frame), 5.4 gzipped. */
const RAW_BYTES_MAX = 18;
const GZIPPED_BYTES_MAX = 8;
const ROWS = 20_000;

/** A second of a busy shard, in the shape of mobile click logs: few ads, heavy heads, hardly an event that shares a cell. */
function busySecond(random: () => number): DeltaRow[] {
  const headed = (count: number): number => Math.floor(count * random() ** 3);
  return Array.from({ length: ROWS }, (): DeltaRow => {
    const ad = headed(400);
    const publisher = headed(1_000);
    const click = random() < 0.1;
    const counted = random() < 0.85;
    const billable = click && counted && random() < 0.9 ? 1 : 0;
    return {
      second: 1_700_000_000 + (random() < 0.9 ? 0 : -Math.floor(random() * 30)),
      dimensions: {
        advertiserId: `advertiser-${ad % 20}`,
        campaignId: `campaign-${ad % 60}`,
        adId: `ad-${ad}`,
        creativeId: `creative-${ad}`,
        publisherId: `publisher-${publisher}`,
        placementId: `placement-${publisher}-${headed(10)}`,
        country: ['US', 'DE', 'IN', 'BR', 'GB', 'FR', 'JP', 'CA'][headed(8)]!,
        deviceType: DEVICE_TYPES[headed(DEVICE_TYPES.length)]!,
      },
      kind: click ? EVENT_KINDS.click : EVENT_KINDS.impression,
      disposition: counted ? DISPOSITIONS.counted : DISPOSITIONS.duplicate,
      reason: counted ? 0 : 1,
      count: random() < 0.9 ? 1 : 2,
      billable,
      viewable: !click && counted && random() < 0.5 ? 1 : 0,
      late: 0,
      costNanos: billable * (100 + ad) * 1_000_000,
      viewers: null,
    };
  });
}

/** Small and repeatable: chance is an argument. */
function lcg(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

test('a delta row costs 18 bytes at most, strings included, and half of that on the wire', () => {
  const rows = busySecond(lcg(7));
  const raw = encodeDeltaSection({ rows, ledger: [] });
  const gzipped = gzipSync(raw);
  console.log(`delta row: ${(raw.length / ROWS).toFixed(1)} B raw, ${(gzipped.length / ROWS).toFixed(1)} B gzipped`);
  expect(decodeDeltaSection(raw).rows).toHaveLength(ROWS);
  expect(raw.length / ROWS).toBeLessThan(RAW_BYTES_MAX);
  expect(gzipped.length / ROWS).toBeLessThan(GZIPPED_BYTES_MAX);
});

test('viewers cost their eight bytes each and little more', () => {
  const random = lcg(9);
  const rows = busySecond(random).filter((row) => row.disposition === DISPOSITIONS.counted);
  const seen = rows.map((row) => ({ ...row, viewers: Uint32Array.of(random() * 2 ** 32, 1 + random() * 2 ** 31) }));
  const more = encodeDeltaSection({ rows: seen, ledger: [] }).length - encodeDeltaSection({ rows, ledger: [] }).length;
  expect(more / rows.length).toBeLessThan(9.1);
});
