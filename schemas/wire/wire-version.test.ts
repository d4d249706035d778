import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { DeltaRow, LedgerRow } from '../../core/cells/cell.ts';
import type { AdTerms, TrackedEvent } from '../../core/event.ts';
import type { Attribution, Judgement } from '../../core/judgement/judgement.ts';
import { ACK_VERSION, encodeAck, flushPolicySchema } from './ack.ts';
import { COMMIT_FORMAT, encodeCommit } from './commit.ts';
import { DELTA_SECTION_FORMAT, encodeDeltaSection } from './delta-section.ts';
import { EVENT_BATCH_FORMAT, EventBatchWriter } from './event-batch.ts';
import { FRAME_FORMAT, decodeFrame, encodeFrame } from './frame.ts';
import { RAW_SECTION_FORMAT, encodeRawSection } from './raw-section.ts';

/**
 * Shards, hubs and logs of different ages read each other's bytes. When one of these hashes changes, the layout has changed:
 * bump that format's version, teach its reader what to do with the old one, and only then write the new hash here.
 * Each hash covers the field list and the bytes of one fixed value that uses every field.
 */
const dimensions = { advertiserId: 'acme', campaignId: 'spring', adId: 'ad-1', creativeId: 'cr-1', publisherId: 'pub-1', placementId: 'pl-1', country: 'US', deviceType: 'mobile' };
const terms: AdTerms = {
  adId: 'ad-1',
  campaignId: 'spring',
  advertiserId: 'acme',
  creativeId: 'cr-1',
  clickWindowMs: 60_000,
  idempotencyWindowMs: 86_400_000,
  attributionWindowMs: 1_800_000,
  pricing: { model: 'cpc', micros: 250_000, currency: 'USD' },
};
const event: TrackedEvent = {
  kind: 2,
  flags: 4,
  eventTimeMs: 1_700_000_000_123,
  receivedAtMs: 1_700_000_000_456,
  id: { lo: 1, hi: 2 },
  viewer: { lo: 3, hi: 4 },
  join: { lo: 5, hi: 6 },
  screenedReason: 0,
  reasonMask: 0,
  ad: 0,
  eventId: 'AAECAwQFBgcICQoLDA0ODw',
  publisherId: 'pub-1',
  placementId: 'pl-1',
  creativeId: '',
  country: 'US',
  deviceType: 'mobile',
  detail: {
    impressionId: 'AAECAwQFBgcICQoLDA0ODw',
    clickId: 'click-1',
    referrer: 'https://news.example/ü',
    userAgent: 'agent',
    ipPrefix: '192.0.2.0/24',
    bidRequestId: 'bid-1',
    valueMicros: -5,
    currency: 'EUR',
    pop: 'fra',
    claimedTimeMs: 1_700_000_000_100,
  },
};
const judgements: Judgement[] = [{ disposition: 1, reason: 0, reasonMask: 0, kind: 2, late: true, viewable: false, billable: true, costNanos: 250_000_000 }];
const attributions: Attribution[] = [
  { eventIndex: 0, click: { id: { lo: 7, hi: 8 }, eventTimeMs: 1_700_000_000_000, costNanos: 250_000_000, attributionWindowMs: 1_800_000, clickId: 'click-0', cell: dimensions } },
];
const rows: DeltaRow[] = [
  { second: 1_700_000_000, dimensions, kind: 2, disposition: 1, reason: 0, count: 3, billable: 2, viewable: 0, late: 1, costNanos: 500_000_000, viewers: Uint32Array.of(1, 2, 1, 3) },
  { second: 1_700_000_001, dimensions, kind: 1, disposition: 2, reason: 1, count: 1, billable: 0, viewable: 0, late: 0, costNanos: 0, viewers: null },
];
const ledger: LedgerRow[] = [{ stage: 'edge', region: 'us', receivedSecond: 1_700_000_000, term: 'malformed', count: 9 }];
const header = {
  shard: 'live.us.e0.3.0',
  source: 'live',
  region: 'us',
  epoch: 1,
  seq: 2,
  firstRow: 3,
  lastRow: 4,
  deltaRows: 5,
  ledgerRows: 6,
  rawEvents: 7,
  pendingEvents: 8,
  createdAtMs: 9,
  deltaBytes: 1_000,
  rawBytes: 2_000,
} as const;
const policy = { maxDelayMs: 1_000, maxCells: 20_000, maxBytes: 1_048_576, maxOutboxBytes: 268_435_456 };
const ACK_FORMAT = { version: ACK_VERSION, fields: ['epoch', 'ackedSeq', Object.keys(flushPolicySchema.entries)] };

function batch(): Uint8Array {
  const writer = new EventBatchWriter();
  writer.adIndex(terms);
  writer.add(event);
  writer.tally({ region: 'us', receivedSecond: 1_700_000_000, rejection: '', count: 1 });
  return writer.finish();
}

test.each([
  ['event batch', EVENT_BATCH_FORMAT, batch, 'v1 9283b323f0e40c36'],
  ['commit', COMMIT_FORMAT, () => encodeCommit({ committedAtMs: 1_700_000_001_000, batch: batch(), judgements, attributions }), 'v1 8fb60219453a620b'],
  ['delta section', DELTA_SECTION_FORMAT, () => encodeDeltaSection({ rows, ledger }), 'v1 c314f753831329c6'],
  ['raw section', RAW_SECTION_FORMAT, () => encodeRawSection([{ row: 300, bytes: Uint8Array.of(1, 2, 3) }]), 'v1 9e5ac5124f13219b'],
  ['frame', FRAME_FORMAT, () => encodeFrame({ header, deltas: Uint8Array.of(1), raw: Uint8Array.of(2, 3) }), 'v2 86e0ba64c771e113'],
  ['ack', ACK_FORMAT, () => encodeAck({ epoch: 1, ackedSeq: 2, policy }), 'v1 2594971991f72ce1'],
])('the layout of a %s is the one that its version stands for', (_, format, sample, pinned) => {
  const hash = createHash('sha256').update(JSON.stringify(format.fields)).update(sample()).digest('hex');
  expect(`v${format.version} ${hash.slice(0, 16)}`).toBe(pinned);
});

test('a frame of version 1, from a shard that still packs with gzip, is read as well', () => {
  const frame = { header, deltas: Uint8Array.of(0x1f, 0x8b), raw: Uint8Array.of(0x1f, 0x8b) };
  const older = encodeFrame(frame);
  older[0] = 1;
  expect(decodeFrame(older)).toEqual(frame);
  older[0] = 0;
  expect(() => decodeFrame(older)).toThrow('unknown frame version');
});
