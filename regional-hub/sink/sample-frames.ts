import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { DeltaRow, LedgerRow } from '../../core/cells/cell.ts';
import { DEVICE_TYPES, EVENT_KINDS, type AdTerms, type TrackedEvent } from '../../core/event.ts';
import type { CellDimensions, Judgement } from '../../core/judgement/judgement.ts';
import { encodeCommit } from '../../schemas/wire/commit.ts';
import { encodeDeltaSection } from '../../schemas/wire/delta-section.ts';
import { EventBatchWriter } from '../../schemas/wire/event-batch.ts';
import type { FrameHeader } from '../../schemas/wire/frame.ts';
import { encodeDeltasRecord, encodeRawRecord } from '../../schemas/wire/log-record.ts';
import { encodeRawSection } from '../../schemas/wire/raw-section.ts';
import { TOPICS, type LogRecord } from '../log/delta-log.ts';
import { adTerms } from '../../schemas/testing/ad-terms.ts';
import { mulberry32 } from '../../schemas/testing/mulberry32.ts';

/** What one sample event adds, told without any table: the oracle's own arithmetic. */
export type SampleFact = {
  readonly adId: string;
  readonly second: number;
  readonly kind: string;
  readonly disposition: 'counted' | 'duplicate';
  readonly costNanos: number;
  readonly viewer: bigint;
};

export type SampleFrame = { readonly shard: string; readonly seq: number; readonly records: readonly LogRecord[]; readonly facts: readonly SampleFact[] };

export type SampleFrameOptions = {
  readonly seed: number;
  readonly shard: string;
  readonly seq: number;
  readonly events: number;
  readonly ads?: number;
  readonly fromSecond?: number;
  /** Seconds over which event times are spread. */
  readonly spreadSeconds?: number;
};

const FIRST_SECOND = 1_700_000_000;

/** A frame as a shard would send it and a hub append it: clicks at a price and impressions for free, a tenth of them retries. */
export function sampleFrame(options: SampleFrameOptions): SampleFrame {
  const random = mulberry32(options.seed);
  const events = Array.from({ length: options.events }, (_, i) => sampleEvent(random, options, i));
  const judgements = events.map(() => random() < 0.1).map((isRetry, i) => judgementOf(events[i]!, isRetry));
  const facts = events.map((event, i) => factOf(event, judgements[i]!));
  const rows = events.map((event, i) => rowOf(event, judgements[i]!));
  return { shard: options.shard, seq: options.seq, records: recordsOf(options, events, judgements, rows), facts };
}

/** Frames of `shards` shards, turn by turn; each shard's seqs run from 1. */
export function sampleFrames(shards: number, framesEach: number, events: number): SampleFrame[] {
  return Array.from({ length: shards * framesEach }, (_, i) =>
    sampleFrame({ seed: i + 1, shard: `live.us.e0.${i % shards}.0`, seq: 1 + Math.floor(i / shards), events }),
  );
}

function sampleEvent(random: () => number, options: SampleFrameOptions, i: number): TrackedEvent {
  const ad = Math.floor(random() * (options.ads ?? 20));
  const eventTimeMs = ((options.fromSecond ?? FIRST_SECOND) + Math.floor(random() * (options.spreadSeconds ?? 7_200))) * 1_000;
  const eventId = `e-${options.shard}-${options.seq}-${i}`;
  return {
    kind: random() < 0.5 ? EVENT_KINDS.click : EVENT_KINDS.impression,
    flags: 0,
    eventTimeMs,
    receivedAtMs: eventTimeMs + 250,
    id: { lo: i, hi: options.seed },
    viewer: { lo: 1 + Math.floor(random() * 5_000), hi: 7 },
    join: { lo: 0, hi: 0 },
    screenedReason: 0,
    reasonMask: 0,
    ad,
    eventId,
    publisherId: `pub-${ad % 7}`,
    placementId: `place-${ad % 3}`,
    creativeId: '',
    country: ad % 2 === 0 ? 'US' : 'DE',
    deviceType: DEVICE_TYPES[ad % DEVICE_TYPES.length]!,
    detail: {
      impressionId: '',
      clickId: '',
      referrer: 'https://news.example/ünï?q=1',
      userAgent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36',
      ipPrefix: '192.0.2.0/24',
      bidRequestId: '',
      valueMicros: 0,
      currency: '',
      pop: 'us',
      claimedTimeMs: eventTimeMs,
    },
  };
}

function termsOf(ad: number): AdTerms {
  return { ...adTerms(`ad-${ad}`), campaignId: `camp-${ad % 5}`, advertiserId: `adv-${ad % 2}`, creativeId: `cr-${ad}` };
}

function judgementOf(event: TrackedEvent, isRetry: boolean): Judgement {
  const billable = !isRetry && event.kind === EVENT_KINDS.click;
  return {
    disposition: isRetry ? 2 : 1,
    reason: isRetry ? 1 : 0,
    reasonMask: isRetry ? 2 : 0,
    kind: event.kind,
    late: false,
    viewable: false,
    billable,
    costNanos: billable ? 250_000_000 : 0,
  };
}

function factOf(event: TrackedEvent, judgement: Judgement): SampleFact {
  return {
    adId: `ad-${event.ad}`,
    second: event.eventTimeMs / 1_000,
    kind: event.kind === EVENT_KINDS.click ? 'click' : 'impression',
    disposition: judgement.disposition === 1 ? 'counted' : 'duplicate',
    costNanos: judgement.costNanos,
    viewer: (BigInt(event.viewer.hi) << 32n) | BigInt(event.viewer.lo),
  };
}

function rowOf(event: TrackedEvent, judgement: Judgement): DeltaRow {
  const counted = judgement.disposition === 1;
  return {
    second: event.eventTimeMs / 1_000,
    dimensions: dimensionsOf(event),
    kind: judgement.kind,
    disposition: judgement.disposition,
    reason: judgement.reason,
    count: 1,
    billable: judgement.billable ? 1 : 0,
    viewable: 0,
    late: 0,
    costNanos: judgement.costNanos,
    viewers: counted ? Uint32Array.of(event.viewer.lo, event.viewer.hi) : null,
  };
}

function dimensionsOf(event: TrackedEvent): CellDimensions {
  const { adId, campaignId, advertiserId, creativeId } = termsOf(event.ad);
  const { publisherId, placementId, country, deviceType } = event;
  return { adId, campaignId, advertiserId, creativeId, publisherId, placementId, country, deviceType };
}

function recordsOf(options: SampleFrameOptions, events: TrackedEvent[], judgements: Judgement[], rows: DeltaRow[]): LogRecord[] {
  const writer = new EventBatchWriter();
  for (const event of events) writer.add({ ...event, ad: writer.adIndex(termsOf(event.ad)) });
  const commit = encodeCommit({ committedAtMs: FIRST_SECOND * 1_000, batch: writer.finish(), judgements, attributions: [] });
  const ledger: LedgerRow[] = [{ stage: 'edge', region: 'us', receivedSecond: FIRST_SECOND, term: 'accepted', count: events.length }];
  const deltas = encodeDeltaSection({ rows, ledger });
  const raw = encodeRawSection([{ row: options.seq, bytes: commit }]);
  const header = headerOf(options, { deltaRows: rows.length, ledgerRows: 1, rawEvents: events.length, deltaBytes: deltas.length, rawBytes: raw.length });
  const digest = createHash('sha256').update(raw).digest('hex');
  const hubLedger = [{ region: 'us', receivedSecond: FIRST_SECOND, term: 'counted', count: events.length }];
  return [
    { topic: TOPICS.deltas, key: options.shard, value: encodeDeltasRecord({ header, digest, hubLedger, deltas: gzipSync(deltas) }) },
    { topic: TOPICS.raw, key: options.shard, value: encodeRawRecord({ header, digest, raw: gzipSync(raw) }) },
  ];
}

type Counts = Pick<FrameHeader, 'deltaRows' | 'ledgerRows' | 'rawEvents' | 'deltaBytes' | 'rawBytes'>;

function headerOf({ shard, seq }: SampleFrameOptions, counts: Counts): FrameHeader {
  const fixed = { source: 'live', region: 'us', epoch: 1, pendingEvents: 0, createdAtMs: FIRST_SECOND * 1_000 } as const;
  return { shard, seq, firstRow: seq, lastRow: seq, ...fixed, ...counts };
}
