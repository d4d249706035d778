import type { DeviceType, EventDetail, Key64 } from '../../core/event.ts';
import { EVENT_FLAGS, EVENT_KINDS, isNoKey, NO_KEY } from '../../core/event.ts';
import type { KeyHasher } from '../../core/hash.ts';
import { resolveEventTime, type EpochMs } from '../../core/time.ts';
import { privacyOf } from '../../schemas/consent.ts';
import { nonceText, type TokenFields } from '../../schemas/token.ts';
import type { AdEntry } from '../catalogue/catalogue-view.ts';
import type { DraftEvent } from '../delivery/shipment.ts';
import type { RequestSignals } from '../request/signals.ts';
import type { CidrSet } from '../screening/cidr-set.ts';
import { isFromDataCenter } from '../screening/data-center.ts';
import { SIGNAL } from '../screening/rules.ts';
import { screen } from '../screening/screen.ts';
import type { AgentFacts, AgentReader } from '../viewer/agent-facts.ts';
import { contextHash } from '../viewer/context-hash.ts';
import { deviceTypeOf } from '../viewer/device-type.ts';
import { viewerKey } from '../viewer/viewer-key.ts';
import type { EventClaims } from './claims.ts';

/** An event that may be accepted, with everything known of it. */
export type Arrival = {
  readonly claims: EventClaims;
  readonly entry: AdEntry;
  /** The token that speaks for it, verified and for this ad; null = none. */
  readonly token: TokenFields | null;
  readonly signals: RequestSignals;
  /** The request is the person's own browser. Else a server reports: its address and agent are nobody's. */
  readonly isDirect: boolean;
  /** Neither token nor key, and the ad does not allow that. */
  readonly isUnsigned: boolean;
  readonly receivedAtMs: EpochMs;
};

/** What every event of an isolate is made with. */
export type EventTools = {
  readonly hasher: KeyHasher;
  readonly agents: AgentReader;
  readonly dataCenters: CidrSet;
  /** Where the request cannot tell its data centre. */
  readonly pop: string;
  /** Whether `DNT` counts as a wish to be private. */
  readonly dntHonoured: boolean;
};

/** The ids of an event: a token's nonce is the id of its impression and of its click, whatever the sender calls them. */
type EventIds = { readonly eventId: string; readonly impressionId: string; readonly clickId: string; readonly isTokenBound: boolean };

/** Makes the event that its shard will judge. Pure but for the memory of agents in `tools`. */
export function draftEvent(arrival: Arrival, tools: EventTools): DraftEvent {
  const { claims, entry, token, signals, isDirect, receivedAtMs } = arrival;
  const { hasher } = tools;
  const agent = isDirect ? signals.agent : claims.userAgent;
  const agentFacts = tools.agents.read(agent);
  const isPrivate = signals.isPrivate || (claims.consent !== undefined && privacyOf({ ...claims.consent, dntHonoured: tools.dntHonoured }));
  const ids = idsOf(claims, token);
  const claimedTimeMs = claims.timestampMs ?? receivedAtMs;
  const { eventTimeMs, clockSkewed } = resolveEventTime(claimedTimeMs, receivedAtMs);
  const ipPrefix = isDirect && !isPrivate ? signals.ipPrefix : '';
  const { screenedReason, reasonMask } = screen(signalsOf(arrival, { agentFacts, agent, eventTimeMs, tools }));
  return {
    screenedReason,
    reasonMask,
    terms: entry.terms,
    ad: 0,
    kind: claims.kind,
    flags: flagsOf({ isViewable: claims.viewable, clockSkewed, isTokenBound: ids.isTokenBound, isPrivate }),
    eventTimeMs,
    receivedAtMs,
    id: hasher.id(claims.kind, entry.ad.adId, ids.eventId),
    viewer: isPrivate ? NO_KEY : (viewerOf(token) ?? viewerKey(hasher, { userPseudoId: claims.userPseudoId, ipHash: claims.ipHash, agent, ipPrefix, receivedAtMs })),
    join: joinKey(hasher, claims, entry, ids),
    eventId: ids.eventId,
    publisherId: token?.publisherId || claims.publisherId,
    placementId: token?.placementId || claims.placementId,
    creativeId: claims.creativeId,
    country: claims.country || (isDirect ? signals.country : ''),
    deviceType: deviceOf(arrival, agentFacts),
    detail: detailOf(claims, ids, { agent: isPrivate ? '' : agent, ipPrefix, pop: signals.colo || tools.pop, claimedTimeMs }),
  };
}

function idsOf(claims: EventClaims, token: TokenFields | null): EventIds {
  if (token === null) return { eventId: claims.eventId, impressionId: claims.impressionId, clickId: claims.clickId, isTokenBound: false };
  const nonce = nonceText(token.nonce);
  if (claims.kind === EVENT_KINDS.conversion) return { eventId: claims.eventId, impressionId: nonce, clickId: nonce, isTokenBound: false };
  return { eventId: nonce, impressionId: nonce, clickId: claims.kind === EVENT_KINDS.click ? nonce : '', isTokenBound: true };
}

/** An impression is joined by its own id, a click by the impression that it names. */
function joinKey(hasher: KeyHasher, claims: EventClaims, entry: AdEntry, ids: EventIds): Key64 {
  if (claims.kind === EVENT_KINDS.conversion) return NO_KEY;
  const impressionId = claims.kind === EVENT_KINDS.click ? ids.impressionId : ids.eventId;
  return impressionId === '' ? NO_KEY : hasher.join(entry.ad.adId, impressionId);
}

/** The viewer that the minter named, who is known even where a pixel cannot say so. */
function viewerOf(token: TokenFields | null): Key64 | null {
  return token === null || isNoKey(token.viewer) ? null : token.viewer;
}

function deviceOf({ claims, signals, isDirect }: Arrival, agentFacts: AgentFacts): DeviceType {
  if (claims.deviceType !== undefined) return claims.deviceType;
  return isDirect ? deviceTypeOf(signals.hints, agentFacts.deviceType) : agentFacts.deviceType;
}

function flagsOf(is: { isViewable: boolean; clockSkewed: boolean; isTokenBound: boolean; isPrivate: boolean }): number {
  return (
    (is.isViewable ? EVENT_FLAGS.viewable : 0) |
    (is.clockSkewed ? EVENT_FLAGS.clockSkewed : 0) |
    (is.isTokenBound ? EVENT_FLAGS.tokenBound : 0) |
    (is.isPrivate ? EVENT_FLAGS.private : 0)
  );
}

type Screened = { readonly agentFacts: AgentFacts; readonly agent: string; readonly eventTimeMs: EpochMs; readonly tools: EventTools };

/** A server's own request is not screened, only the agent that it reports, where it reports one. */
function signalsOf(arrival: Arrival, { agentFacts, agent, eventTimeMs, tools }: Screened): number {
  const { entry, token, signals, isDirect, isUnsigned, receivedAtMs } = arrival;
  const isAgentKnown = isDirect || agent !== '';
  const ofEvent =
    (isUnsigned ? SIGNAL.unsigned : 0) |
    (token !== null && receivedAtMs >= token.expiresAtMs ? SIGNAL.tokenExpired : 0) |
    (entry.isActiveAt(eventTimeMs) ? 0 : SIGNAL.adInactive) |
    (isAgentKnown && agentFacts.declaredBot ? SIGNAL.declaredBot : 0) |
    (isAgentKnown && agentFacts.impossible ? SIGNAL.impossibleAgent : 0);
  if (!isDirect) return ofEvent;
  const isElsewhere = token !== null && token.contextHash !== 0 && token.contextHash !== contextHash(tools.hasher, signals);
  return (
    ofEvent |
    (signals.method === 'HEAD' ? SIGNAL.isHead : 0) |
    (signals.isPrefetch ? SIGNAL.isPrefetch : 0) |
    (isFromDataCenter(signals, tools.dataCenters) ? SIGNAL.fromDataCenter : 0) |
    (isElsewhere ? SIGNAL.contextMismatch : 0)
  );
}

function detailOf(
  claims: EventClaims,
  ids: EventIds,
  seen: { agent: string; ipPrefix: string; pop: string; claimedTimeMs: EpochMs },
): EventDetail {
  return {
    impressionId: ids.impressionId,
    clickId: ids.clickId,
    referrer: claims.referrer,
    userAgent: seen.agent,
    ipPrefix: seen.ipPrefix,
    bidRequestId: claims.bidRequestId,
    valueMicros: claims.valueMicros,
    currency: claims.currency,
    pop: seen.pop,
    claimedTimeMs: seen.claimedTimeMs,
  };
}
