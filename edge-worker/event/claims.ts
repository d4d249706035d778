import type { ParsedEvent } from '../../schemas/event-json.ts';

/** What a sender says of an event, of which ad apart. '' or undefined = not said. */
export type EventClaims = Omit<ParsedEvent, 'adId' | 'campaignId' | 'receivedAtMs' | 'token' | 'unknownFields'>;

/** What a parsed event claims; `publisherId` is the one that stands after its sender has been looked at. */
export function claimsOf(event: ParsedEvent, publisherId: string): EventClaims {
  return event.publisherId === publisherId ? event : { ...event, publisherId };
}

/** A request that says nothing but its token. */
export const NO_CLAIMS: Omit<EventClaims, 'kind'> = {
  viewable: false,
  eventId: '',
  impressionId: '',
  clickId: '',
  publisherId: '',
  placementId: '',
  creativeId: '',
  timestampMs: undefined,
  userPseudoId: '',
  ipHash: '',
  userAgent: '',
  deviceType: undefined,
  country: '',
  referrer: '',
  bidRequestId: '',
  valueMicros: 0,
  currency: '',
  consent: undefined,
};
