import fc from 'fast-check';
import { DISPOSITIONS } from '../disposition.ts';
import { EVENT_KINDS } from '../event.ts';
import type { CellDimensions } from '../judgement/judgement.ts';
import type { DeltaRow } from './cell.ts';

/** Few values of each dimension, so that cells meet. */
export const fewDimensions: fc.Arbitrary<CellDimensions> = fc.record({
  advertiserId: fc.constant('acme'),
  campaignId: fc.constantFrom('spring', 'summer'),
  adId: fc.constantFrom('ad-1', 'ad-2'),
  creativeId: fc.constantFrom('', 'cr-1'),
  publisherId: fc.constantFrom('pub-1', 'pub-2'),
  placementId: fc.constantFrom('', 'pl-1'),
  country: fc.constantFrom('', 'US'),
  deviceType: fc.constantFrom('mobile', 'other'),
});

const viewerPool = [1n, 2n, 2n ** 32n, 2n ** 32n + 1n, 2n ** 63n, 2n ** 64n - 1n];
const fewViewers = fc.subarray(viewerPool).map((hashes) => (hashes.length === 0 ? null : new Uint32Array(BigUint64Array.from(hashes).buffer)));
const small = fc.integer({ min: -3, max: 3 }).map((value) => value + 0);

/** Rows that share cells with each other. */
export const meetingRow: fc.Arbitrary<DeltaRow> = fc
  .record({ second: fc.constantFrom(0, 1_700_000_000, 4_000_000_000), dimensions: fewDimensions, count: small, late: small, measure: small, viewers: fewViewers, counted: fc.boolean(), click: fc.boolean() })
  .map(({ second, dimensions, count, late, measure, viewers, counted, click }) => ({
    second,
    dimensions,
    kind: click ? EVENT_KINDS.click : EVENT_KINDS.impression,
    disposition: counted ? DISPOSITIONS.counted : DISPOSITIONS.filtered,
    reason: counted ? 0 : 9,
    count,
    billable: counted && click ? measure : 0,
    viewable: counted && !click ? measure : 0,
    late: counted ? late : 0,
    costNanos: counted ? measure * 250_000 + 0 : 0,
    viewers: counted ? viewers : null,
  }));
