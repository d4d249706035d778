import type { EpochMs } from './time.ts';
import type { Pricing } from './money.ts';

/** Codes are stored for years: never renumber. `viewable` is the later news that a counted impression was seen. */
export const EVENT_KINDS = { impression: 1, click: 2, conversion: 3, viewable: 4 } as const;
export type EventKind = keyof typeof EVENT_KINDS;
export type EventKindCode = (typeof EVENT_KINDS)[EventKind];

export const DEVICE_TYPES = ['other', 'desktop', 'mobile', 'tablet', 'ctv'] as const;
export type DeviceType = (typeof DEVICE_TYPES)[number];

/** Bits of an event's `flags`. */
export const EVENT_FLAGS = {
  /** An impression that was in view (MRC: 50 % for 1 s). */
  viewable: 1,
  /** The claimed time was over two minutes ahead; the received time stands. */
  clockSkewed: 2,
  /** The id is the nonce of a token that we signed: it counts once, whatever the windows. */
  tokenBound: 4,
  /** A privacy signal took viewer key, IP and agent away. */
  private: 8,
} as const;

/** 64 bits of a keyed hash, as two unsigned halves; both zero = absent. */
export type Key64 = { readonly lo: number; readonly hi: number };
export const NO_KEY: Key64 = { lo: 0, hi: 0 };

export function isNoKey(key: Key64): boolean {
  return key.lo === 0 && key.hi === 0;
}

/** What a shard must know of an ad to judge and price its events; it rides in every batch. */
export type AdTerms = {
  readonly adId: string;
  readonly campaignId: string;
  readonly advertiserId: string;
  readonly creativeId: string;
  readonly clickWindowMs: number;
  readonly idempotencyWindowMs: number;
  readonly attributionWindowMs: number;
  readonly pricing: Pricing;
};

/** The part of an event that judgement reads. Source: DESIGN §2. */
export type JudgedFields = {
  readonly kind: EventKindCode;
  readonly flags: number;
  readonly eventTimeMs: EpochMs;
  readonly receivedAtMs: EpochMs;
  /** Hash of (kind, ad, event id). */
  readonly id: Key64;
  /** Hash of the viewer; absent where there is none or privacy took it. */
  readonly viewer: Key64;
  /** Hash of (ad, impression id): an impression's own, or the one that a click claims. */
  readonly join: Key64;
  /** First screening rule that matched, 0 for none. */
  readonly screenedReason: number;
  /** Every screening rule that matched, bit n = reason code n. */
  readonly reasonMask: number;
};

/** An accepted event on its way to its shard. Empty string = absent. */
export type TrackedEvent = JudgedFields & {
  /** Index into the batch's `ads`. */
  readonly ad: number;
  readonly eventId: string;
  readonly publisherId: string;
  readonly placementId: string;
  readonly creativeId: string;
  readonly country: string;
  readonly deviceType: DeviceType;
  readonly detail: EventDetail;
};

/** What only the raw log keeps. Empty string or zero = absent. */
export type EventDetail = {
  readonly impressionId: string;
  readonly clickId: string;
  readonly referrer: string;
  readonly userAgent: string;
  readonly ipPrefix: string;
  readonly bidRequestId: string;
  readonly valueMicros: number;
  readonly currency: string;
  /** POP by which the event entered. */
  readonly pop: string;
  /** The time that the sender claimed, before the skew rule. */
  readonly claimedTimeMs: EpochMs;
};

/** What the edge saw in the second `receivedSecond`, told to a shard together with the events it accepted. */
export type EdgeTally = {
  readonly region: string;
  readonly receivedSecond: number;
  /** '' for accepted, else the rejection's code. */
  readonly rejection: string;
  readonly count: number;
};
