import { gzipSync } from 'node:zlib';
import { DISPOSITIONS, REASONS } from '../../../core/disposition.ts';
import { EVENT_KINDS, NO_KEY } from '../../../core/event.ts';
import type { AdTerms, EventDetail, TrackedEvent } from '../../../core/event.ts';
import type { DeltaRow, LedgerRow } from '../../../core/cells/cell.ts';
import type { Judgement } from '../../../core/judgement/judgement.ts';
import { FREE } from '../../../core/money.ts';
import { secondOf } from '../../../core/time.ts';
import { adTerms } from '../../../schemas/testing/ad-terms.ts';
import { encodeCommit } from '../../../schemas/wire/commit.ts';
import { encodeDeltaSection } from '../../../schemas/wire/delta-section.ts';
import { EventBatchWriter } from '../../../schemas/wire/event-batch.ts';
import { encodeFrame } from '../../../schemas/wire/frame.ts';
import type { FrameHeader } from '../../../schemas/wire/frame.ts';
import { encodeRawSection } from '../../../schemas/wire/raw-section.ts';

export const FIXTURE_START_MS = 1_700_000_000_000;

export type FrameSpec = {
  readonly shard?: string;
  readonly epoch?: number;
  readonly seq?: number;
  /** Impressions in the frame, one a second; every fourth is a duplicate. */
  readonly events?: number;
  /** Lies to put into the header. */
  readonly header?: Partial<FrameHeader>;
};

/** A frame as a shard would send it: one commit, one cell and one ledger row an event. */
export function makeFrame({ shard = 'live.us.e0.0.0', epoch = 1, seq = 1, events = 8, header = {} }: FrameSpec = {}): Uint8Array {
  const judgements = Array.from({ length: events }, (_, i) => (i % 4 === 3 ? DUPLICATE : COUNTED));
  const commit = encodeCommit({ committedAtMs: FIXTURE_START_MS, batch: makeBatch(`${epoch}-${seq}`, events), judgements, attributions: [] });
  const raw = encodeRawSection([{ row: seq, bytes: commit }]);
  const deltas = encodeDeltaSection({ rows: judgements.map(cellOf), ledger: judgements.map(ledgerOf) });
  return encodeFrame({
    header: {
      shard,
      source: 'live',
      region: 'us',
      epoch,
      seq,
      firstRow: seq,
      lastRow: seq,
      deltaRows: events,
      ledgerRows: events,
      rawEvents: events,
      pendingEvents: 0,
      createdAtMs: FIXTURE_START_MS,
      deltaBytes: deltas.length,
      rawBytes: raw.length,
      ...header,
    },
    deltas: gzipSync(deltas),
    raw: gzipSync(raw),
  });
}

const COUNTED: Judgement = {
  disposition: DISPOSITIONS.counted,
  reason: REASONS.none,
  reasonMask: 0,
  kind: EVENT_KINDS.impression,
  late: false,
  viewable: false,
  billable: false,
  costNanos: 0,
};
const DUPLICATE: Judgement = { ...COUNTED, disposition: DISPOSITIONS.duplicate, reason: REASONS.retry, reasonMask: 1 << REASONS.retry };

const AD: AdTerms = { ...adTerms('ad-1'), pricing: FREE };

const NO_DETAIL: Omit<EventDetail, 'claimedTimeMs'> = {
  impressionId: '',
  clickId: '',
  referrer: '',
  userAgent: '',
  ipPrefix: '',
  bidRequestId: '',
  valueMicros: 0,
  currency: '',
  pop: 'us',
};

function makeBatch(name: string, events: number): Uint8Array {
  const writer = new EventBatchWriter();
  const ad = writer.adIndex(AD);
  for (let i = 0; i < events; i += 1) writer.add(makeEvent(ad, `${name}-${i}`, FIXTURE_START_MS + i * 1_000));
  return writer.finish();
}

function makeEvent(ad: number, eventId: string, timeMs: number): TrackedEvent {
  return {
    kind: EVENT_KINDS.impression,
    flags: 0,
    eventTimeMs: timeMs,
    receivedAtMs: timeMs,
    id: { lo: timeMs % 1_000_000_007, hi: eventId.length },
    viewer: NO_KEY,
    join: NO_KEY,
    screenedReason: 0,
    reasonMask: 0,
    ad,
    eventId,
    publisherId: 'pub-1',
    placementId: '',
    creativeId: '',
    country: 'US',
    deviceType: 'mobile',
    detail: { ...NO_DETAIL, claimedTimeMs: timeMs },
  };
}

function cellOf(judgement: Judgement, i: number): DeltaRow {
  return {
    second: secondOf(FIXTURE_START_MS) + i,
    dimensions: {
      advertiserId: 'acme',
      campaignId: 'spring',
      adId: 'ad-1',
      creativeId: 'cr-1',
      publisherId: 'pub-1',
      placementId: '',
      country: 'US',
      deviceType: 'mobile',
    },
    kind: judgement.kind,
    disposition: judgement.disposition,
    reason: judgement.reason,
    count: 1,
    billable: 0,
    viewable: 0,
    late: 0,
    costNanos: 0,
    viewers: null,
  };
}

function ledgerOf(judgement: Judgement, i: number): LedgerRow {
  const term = judgement.disposition === DISPOSITIONS.counted ? 'counted' : 'duplicate';
  return { stage: 'shard', region: 'us', receivedSecond: secondOf(FIXTURE_START_MS) + i, term, count: 1 };
}
