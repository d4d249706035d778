import type { DeviceType, EventKindCode } from '../../core/event.ts';
import type { EpochMs } from '../../core/time.ts';

/** What a sender says of an event. '' or null = not said. */
export type EventClaims = {
  readonly kind: EventKindCode;
  readonly isViewable: boolean;
  readonly eventId: string;
  readonly impressionId: string;
  readonly clickId: string;
  readonly publisherId: string;
  readonly placementId: string;
  readonly creativeId: string;
  readonly claimedTimeMs: EpochMs | null;
  readonly userPseudoId: string;
  readonly ipHash: string;
  readonly userAgent: string;
  readonly deviceType: DeviceType | null;
  readonly country: string;
  readonly referrer: string;
  readonly bidRequestId: string;
  readonly valueMicros: number;
  readonly currency: string;
  readonly isPrivate: boolean;
};

/** A request that says nothing but its token. */
export const NO_CLAIMS: Omit<EventClaims, 'kind'> = {
  isViewable: false,
  eventId: '',
  impressionId: '',
  clickId: '',
  publisherId: '',
  placementId: '',
  creativeId: '',
  claimedTimeMs: null,
  userPseudoId: '',
  ipHash: '',
  userAgent: '',
  deviceType: null,
  country: '',
  referrer: '',
  bidRequestId: '',
  valueMicros: 0,
  currency: '',
  isPrivate: false,
};
