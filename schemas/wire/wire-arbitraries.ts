import fc from 'fast-check';
import type { DeltaRow, LedgerRow } from '../../core/cells/cell.ts';
import { DISPOSITIONS } from '../../core/disposition.ts';
import { DEVICE_TYPES, EVENT_KINDS } from '../../core/event.ts';
import type { AdTerms, EdgeTally, EventDetail, EventKindCode, Key64, TrackedEvent } from '../../core/event.ts';
import type { Attribution, CellDimensions, Judgement } from '../../core/judgement/judgement.ts';
import { MAX_EPOCH_MS } from '../../core/time.ts';
import { EventBatchWriter } from './event-batch.ts';
import type { FrameHeader } from './frame.ts';
import { judgedCostNanos } from './judgement-bytes.ts';

/** Random values of everything that travels, for property tests. */
export type BatchInput = { readonly ads: readonly AdTerms[]; readonly events: readonly TrackedEvent[]; readonly tallies: readonly EdgeTally[] };
export type CommitValue = { committedAtMs: number; input: BatchInput; judgements: Judgement[]; attributions: Attribution[] };

/** Nothing, an id, or text that UTF-8 can carry. */
export const anyText = fc.oneof({ weight: 3, arbitrary: fc.constantFrom('', 'a', 'pub-1', 'x'.repeat(64)) }, fc.string({ unit: 'grapheme', maxLength: 80 }).map((text) => text.toWellFormed()));
export const anyTimeMs = fc.oneof(fc.integer({ min: 0, max: MAX_EPOCH_MS }), fc.constantFrom(0, MAX_EPOCH_MS, 1_700_000_000_123));
const anySecond = anyTimeMs.map((timeMs) => Math.floor(timeMs / 1_000));
const anyU32 = fc.integer({ min: 0, max: 0xffff_ffff });
export const anyKey: fc.Arbitrary<Key64> = fc.record({ lo: anyU32, hi: anyU32 });
const anyWhole = fc.oneof(fc.maxSafeNat(), fc.nat(1_000));
const anyCount = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.integer({ min: -1_000_000_000, max: 1_000_000_000 })).map((count) => count + 0);
const anyNonce = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('base64url'));
const anyCountry = fc.constantFrom('', 'US', 'DE', 'T1');
const anyKind = fc.constantFrom(...Object.values(EVENT_KINDS));

export const anyTerms: fc.Arbitrary<AdTerms> = fc.record({
  adId: anyText,
  campaignId: anyText,
  advertiserId: anyText,
  creativeId: anyText,
  clickWindowMs: anyWhole,
  idempotencyWindowMs: anyWhole,
  attributionWindowMs: anyWhole,
  pricing: fc.record({ model: fc.constantFrom('none', 'cpc', 'cpm'), micros: fc.nat(2 ** 31 - 1), currency: anyText }),
});

const anyTally: fc.Arbitrary<EdgeTally> = fc.record({ region: anyText, receivedSecond: anySecond, rejection: anyText, count: anyWhole });

function anyEvent(adCount: number): fc.Arbitrary<TrackedEvent> {
  const anyEventId = fc.oneof(anyText, anyNonce);
  return fc
    .record({ eventId: anyEventId, eventTimeMs: anyTimeMs })
    .chain(({ eventId, eventTimeMs }) =>
      fc.record({
        kind: anyKind,
        flags: fc.nat(0xffff),
        eventTimeMs: fc.constant(eventTimeMs),
        receivedAtMs: anyTimeMs,
        id: anyKey,
        viewer: anyKey,
        join: anyKey,
        screenedReason: fc.nat(31),
        reasonMask: anyU32,
        ad: fc.nat(adCount - 1),
        eventId: fc.constant(eventId),
        publisherId: anyText,
        placementId: anyText,
        creativeId: anyText,
        country: anyCountry,
        deviceType: fc.constantFrom(...DEVICE_TYPES),
        detail: anyDetail(eventId, eventTimeMs),
      }),
    );
}

function anyDetail(eventId: string, eventTimeMs: number): fc.Arbitrary<EventDetail> {
  const anyLink = fc.oneof(anyText, anyNonce, fc.constant(eventId));
  return fc.record({
    impressionId: anyLink,
    clickId: anyLink,
    referrer: anyText,
    userAgent: anyText,
    ipPrefix: anyText,
    bidRequestId: anyText,
    valueMicros: fc.oneof(fc.constant(0), fc.maxSafeInteger()).map((value) => value + 0),
    currency: anyText,
    pop: anyText,
    claimedTimeMs: fc.oneof(fc.constant(eventTimeMs), anyTimeMs),
  });
}

export const anyBatch: fc.Arbitrary<BatchInput> = fc
  .uniqueArray(anyTerms, { minLength: 1, maxLength: 4, selector: (terms) => terms.adId })
  .chain((ads) => fc.record({ ads: fc.constant(ads), events: fc.array(anyEvent(ads.length), { maxLength: 8 }), tallies: fc.array(anyTally, { maxLength: 4 }) }));

/** The bytes of a batch. */
export function batchBytes({ ads, events, tallies }: BatchInput): Uint8Array {
  const writer = new EventBatchWriter();
  for (const terms of ads) writer.adIndex(terms);
  for (const event of events) writer.add(event);
  for (const tally of tallies) writer.tally(tally);
  return writer.finish();
}

export const anyDimensions: fc.Arbitrary<CellDimensions> = fc.record({
  advertiserId: anyText,
  campaignId: anyText,
  adId: anyText,
  creativeId: anyText,
  publisherId: anyText,
  placementId: anyText,
  country: anyCountry,
  deviceType: fc.constantFrom(...DEVICE_TYPES),
});

/** A judgement that a shard could give an event of these terms. */
export function anyJudgement(terms: AdTerms): fc.Arbitrary<Judgement> {
  return fc
    .record({
      disposition: fc.constantFrom(DISPOSITIONS.counted, DISPOSITIONS.duplicate, DISPOSITIONS.filtered, DISPOSITIONS.held),
      reason: fc.constantFrom(1, 2, 3, 4, 12),
      reasonMask: anyU32,
      kind: anyKind,
      late: fc.boolean(),
      viewable: fc.boolean(),
      billable: fc.boolean(),
    })
    .map((draft) => sensible(draft as Draft, terms));
}

type Draft = Omit<Judgement, 'costNanos'>;

function sensible(draft: Draft, terms: AdTerms): Judgement {
  const counted = draft.disposition === DISPOSITIONS.counted;
  const judged: Draft = {
    ...draft,
    reason: counted ? 0 : draft.reason,
    late: counted && draft.late,
    viewable: counted && draft.viewable && (draft.kind === EVENT_KINDS.impression || draft.kind === EVENT_KINDS.viewable),
    billable: counted && draft.billable && draft.kind === EVENT_KINDS.click,
  };
  return { ...judged, costNanos: judgedCostNanos(judged, terms.pricing) };
}

function anyAttribution(eventCount: number): fc.Arbitrary<Attribution> {
  return fc.record({
    eventIndex: fc.nat(eventCount - 1),
    click: fc.record({ id: anyKey, eventTimeMs: anyTimeMs, costNanos: fc.nat(1_000_000_000), attributionWindowMs: anyWhole, clickId: anyText, cell: anyDimensions }),
  });
}

export const anyCommit: fc.Arbitrary<CommitValue> = anyBatch.chain((input) =>
  fc.record({
    committedAtMs: anyTimeMs,
    input: fc.constant(input),
    judgements: fc.tuple(...input.events.map((event) => anyJudgement(input.ads[event.ad]!))),
    attributions: input.events.length === 0 ? fc.constant([]) : fc.array(anyAttribution(input.events.length), { maxLength: 4 }),
  }),
);

/** Ascending, distinct, none of them zero. */
export const anyViewers: fc.Arbitrary<Uint32Array | null> = fc
  .uniqueArray(fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }), { maxLength: 5 })
  .map((hashes) => (hashes.length === 0 ? null : new Uint32Array(BigUint64Array.from(hashes).sort().buffer)));

export const anyDelta: fc.Arbitrary<DeltaRow> = fc
  .record({ second: anySecond, dimensions: anyDimensions, kind: anyKind as fc.Arbitrary<EventKindCode>, disposition: fc.integer({ min: 1, max: 4 }), reason: fc.integer({ min: 1, max: 31 }), count: anyCount })
  .chain((row): fc.Arbitrary<DeltaRow> => {
    if (row.disposition !== DISPOSITIONS.counted) return fc.constant({ ...row, billable: 0, viewable: 0, late: 0, costNanos: 0, viewers: null });
    const seen = row.kind === EVENT_KINDS.impression || row.kind === EVENT_KINDS.viewable;
    return fc.record({
      second: fc.constant(row.second),
      dimensions: fc.constant(row.dimensions),
      kind: fc.constant(row.kind),
      disposition: fc.constant(row.disposition),
      reason: fc.constant(0),
      count: fc.constant(row.count),
      billable: row.kind === EVENT_KINDS.click ? anyCount : fc.constant(0),
      viewable: seen ? anyCount : fc.constant(0),
      late: anyCount,
      costNanos: fc.integer({ min: -(10 ** 12), max: 10 ** 12 }).map((cost) => cost + 0),
      viewers: anyViewers,
    });
  });

export const anyLedgerRow: fc.Arbitrary<LedgerRow> = fc.record({
  stage: fc.constantFrom('edge', 'shard'),
  region: anyText,
  receivedSecond: anySecond,
  term: fc.constantFrom('accepted', 'malformed', 'counted', 'held'),
  count: anyCount,
});

export const anyFrameHeader: fc.Arbitrary<FrameHeader> = fc
  .record({
    shard: fc.constantFrom('live.us.e0.3.0', 'replay.eu.e1.0.2'),
    source: fc.constantFrom('live', 'replay'),
    region: fc.constantFrom('us', 'eu'),
    epoch: anyWhole,
    seq: anyWhole.map((seq) => Math.max(1, seq)),
    firstRow: fc.nat(),
    rows: fc.nat(1_000),
    deltaRows: fc.nat(1_000),
    ledgerRows: fc.nat(1_000),
    rawEvents: fc.nat(1_000),
    pendingEvents: anyWhole,
    createdAtMs: anyTimeMs,
    deltaBytes: fc.integer({ min: 2_000, max: 1_000_000 }),
    rawBytes: fc.integer({ min: 2_000, max: 1_000_000 }),
  })
  .map(({ rows, ...header }) => ({ ...header, lastRow: header.firstRow + rows }));
