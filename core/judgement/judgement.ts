import type { DispositionCode, ReasonCode } from '../disposition.ts';
import type { AdTerms, EventKindCode, JudgedFields, Key64 } from '../event.ts';
import type { Nanos } from '../money.ts';
import type { EpochMs } from '../time.ts';

/** A batch of events in order of arrival, as the readers of the wire format offer it. */
export type JudgeableBatch = {
  readonly eventCount: number;
  fields(index: number): JudgedFields;
  terms(index: number): AdTerms;
  dimensions(index: number): CellDimensions;
  /** The event's own id: a click's click id. */
  eventId(index: number): string;
};

/** What became of one event. */
export type Judgement = {
  readonly disposition: DispositionCode;
  /** Primary reason; 0 when counted. */
  readonly reason: ReasonCode;
  /** Bit n = reason code n: every rule that matched. */
  readonly reasonMask: number;
  /** The kind it is booked under: a second, viewable call for a counted impression becomes `viewable`. */
  readonly kind: EventKindCode;
  /** Counted more than 30 s after its time: its bucket moved. */
  readonly late: boolean;
  /** A counted impression (or the news of one) that was in view. */
  readonly viewable: boolean;
  /** A counted click with its impression. */
  readonly billable: boolean;
  readonly costNanos: Nanos;
};

/** A click that was counted before its impression came and is billable now; `eventIndex` is the impression that woke it. */
export type Attribution = {
  readonly eventIndex: number;
  readonly click: WaitingClick;
};

/** A counted click without its impression: all that its correction will need. */
export type WaitingClick = {
  /** Hash of (kind, ad, click id): tells this click from others that claim the same impression. */
  readonly id: Key64;
  readonly eventTimeMs: EpochMs;
  readonly costNanos: Nanos;
  readonly attributionWindowMs: number;
  readonly clickId: string;
  readonly cell: CellDimensions;
};

/** Every dimension that a query can ask for; '' = absent. `region` is the shard's and not repeated here. */
export type CellDimensions = {
  readonly advertiserId: string;
  readonly campaignId: string;
  readonly adId: string;
  readonly creativeId: string;
  readonly publisherId: string;
  readonly placementId: string;
  readonly country: string;
  readonly deviceType: string;
};
