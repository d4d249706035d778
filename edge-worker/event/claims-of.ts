import { privacyOf } from '../../schemas/consent.ts';
import type { ParsedEvent } from '../../schemas/event-json.ts';
import type { EventClaims } from './claims.ts';

/** A parsed event as claims; `publisherId` is the one that stands after its sender has been looked at. */
export function claimsOf(event: ParsedEvent, options: { publisherId: string; dntHonoured: boolean }): EventClaims {
  return {
    kind: event.kind,
    isViewable: event.viewable,
    eventId: event.eventId,
    impressionId: event.impressionId,
    clickId: event.clickId,
    publisherId: options.publisherId,
    placementId: event.placementId,
    creativeId: event.creativeId,
    claimedTimeMs: event.timestampMs ?? null,
    userPseudoId: event.userPseudoId,
    ipHash: event.ipHash,
    userAgent: event.userAgent,
    deviceType: event.deviceType ?? null,
    country: event.country,
    referrer: event.referrer,
    bidRequestId: event.bidRequestId,
    valueMicros: event.valueMicros,
    currency: event.currency,
    isPrivate: event.consent !== undefined && privacyOf({ ...event.consent, dntHonoured: options.dntHonoured }),
  };
}
