import type { DeviceType, EventKindCode, Key64 } from '../../core/event.ts';
import { EVENT_FLAGS, EVENT_KINDS, isNoKey, NO_KEY } from '../../core/event.ts';
import type { KeyHasher } from '../../core/hash.ts';
import { resolveEventTime, type EpochMs } from '../../core/time.ts';
import { privacyOf } from '../../schemas/consent.ts';
import { nonceText, type TokenFields } from '../../schemas/token.ts';
import type { AdEntry } from '../catalogue/catalogue-view.ts';
import type { DraftEvent } from '../delivery/delivery.ts';
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

/**
 * Makes the event that its shard will judge. Pure but for the memory of agents in `tools`. A token's nonce is the id of its impression and of its click, whatever
 * the sender calls them; of a conversion it names the click.
 */
export function draftEvent(arrival: Arrival, tools: EventTools): DraftEvent {
  const { claims, entry, token, signals, isDirect, receivedAtMs } = arrival;
  const { kind } = claims;
  const agent = isDirect ? signals.agent : claims.userAgent;
  const agentFacts = tools.agents.read(agent);
  const isPrivate = signals.isPrivate || (claims.consent !== undefined && privacyOf({ ...claims.consent, dntHonoured: tools.dntHonoured }));
  const nonce = token === null ? '' : nonceText(token.nonce);
  const isTokenBound = token !== null && kind !== EVENT_KINDS.conversion;
  const eventId = isTokenBound ? nonce : claims.eventId;
  const impressionId = token === null ? claims.impressionId : nonce;
  const claimedTimeMs = claims.timestampMs ?? receivedAtMs;
  const { eventTimeMs, clockSkewed } = resolveEventTime(claimedTimeMs, receivedAtMs);
  const ipPrefix = isDirect && !isPrivate ? signals.ipPrefix : '';
  const { screenedReason, reasonMask } = screen(signalsOf(arrival, { agentFacts, agent, eventTimeMs, tools }));
  return {
    terms: entry.terms,
    ad: 0,
    kind,
    flags: flagsOf({ isViewable: claims.viewable, clockSkewed, isTokenBound, isPrivate }),
    eventTimeMs,
    receivedAtMs,
    id: tools.hasher.id(kind, entry.ad.adId, eventId),
    viewer: isPrivate ? NO_KEY : (viewerOf(token) ?? viewerKey(tools.hasher, { userPseudoId: claims.userPseudoId, ipHash: claims.ipHash, agent, ipPrefix, receivedAtMs })),
    join: joinKey(tools.hasher, entry.ad.adId, { kind, eventId, impressionId }),
    screenedReason,
    reasonMask,
    eventId,
    publisherId: token?.publisherId || claims.publisherId,
    placementId: token?.placementId || claims.placementId,
    creativeId: claims.creativeId,
    country: claims.country || (isDirect ? signals.country : ''),
    deviceType: deviceOf(arrival, agentFacts),
    detail: {
      impressionId,
      clickId: token === null ? claims.clickId : kind === EVENT_KINDS.impression ? '' : nonce,
      referrer: claims.referrer,
      userAgent: isPrivate ? '' : agent,
      ipPrefix,
      bidRequestId: claims.bidRequestId,
      valueMicros: claims.valueMicros,
      currency: claims.currency,
      pop: signals.colo || tools.pop,
      claimedTimeMs,
    },
  };
}

/** An impression is joined by its own id, a click by the impression that it names. */
function joinKey(hasher: KeyHasher, adId: string, of: { kind: EventKindCode; eventId: string; impressionId: string }): Key64 {
  if (of.kind === EVENT_KINDS.conversion) return NO_KEY;
  const impressionId = of.kind === EVENT_KINDS.click ? of.impressionId : of.eventId;
  return impressionId === '' ? NO_KEY : hasher.join(adId, impressionId);
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
