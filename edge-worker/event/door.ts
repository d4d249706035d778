import type { Rejection } from '../../core/disposition.ts';
import { EVENT_KINDS } from '../../core/event.ts';
import type { Source } from '../../core/routing.ts';
import { DAY_MS, type EpochMs } from '../../core/time.ts';
import type { ParsedEvent } from '../../schemas/event-json.ts';
import type { TokenFields, TokenVerifier } from '../../schemas/token.ts';
import { impliedPublisher, isInTenant, type Grants } from '../auth/grants.ts';
import type { AdEntry } from '../catalogue/catalogue-view.ts';

/** Imported history may lie ahead of the clock by as much as it may come out of order; more would move its shards' clock for good. */
export const MAX_REPLAY_AHEAD_MS = DAY_MS;

/** What the token of an event is worth. */
export type TokenCheck =
  | { readonly kind: 'none' }
  | { readonly kind: 'valid'; readonly token: TokenFields }
  | { readonly kind: 'invalid'; readonly message: string };

const NO_TOKEN: TokenCheck = { kind: 'none' };

/** What the door knows when an event stands before it. */
export type DoorQuestion = {
  readonly event: ParsedEvent;
  readonly tokenCheck: TokenCheck;
  /** Of an ingesting key; null = the token alone must speak for the event. */
  readonly grants: Grants | null;
  readonly entry: AdEntry | undefined;
  readonly nowMs: EpochMs;
};

/** An event that may come in: with what it is made, and whose it is. */
export type Admitted = {
  readonly ok: true;
  readonly event: ParsedEvent;
  readonly entry: AdEntry;
  readonly token: TokenFields | null;
  readonly publisherId: string;
  readonly receivedAtMs: EpochMs;
  readonly source: Source;
};

export type Refused = { readonly ok: false; readonly code: Rejection; readonly message: string; readonly isOutsideTenant: boolean };

/** Whether an ad may be reported, and as which publisher's. */
export type Standing = { readonly ok: true; readonly entry: AdEntry; readonly publisherId: string } | Refused;

/**
 * Whether an event may come in; the first thing wrong is its rejection: token, key, catalogue, tenant, what it says of its
 * campaign, its times. Pure.
 */
export function atTheDoor({ event, tokenCheck, grants, entry, nowMs }: DoorQuestion): Admitted | Refused {
  const token = vouched(event, tokenCheck, grants);
  if (token !== null && 'code' in token) return token;
  return arrived(event, token, standingOf({ entry, publisherId: token?.publisherId || event.publisherId, campaignId: event.campaignId, grants }), { grants, nowMs });
}

/** First question: who speaks for the event? Its token, null where the key does. */
export function vouched(event: ParsedEvent, tokenCheck: TokenCheck, grants: Grants | null): TokenFields | null | Refused {
  if (tokenCheck.kind === 'invalid') return refused('bad_token', tokenCheck.message);
  const token = tokenCheck.kind === 'valid' ? tokenCheck.token : null;
  if (grants === null && (token === null || event.kind === EVENT_KINDS.conversion)) {
    return refused('unauthorized', 'a valid token or a key with scope ingest is needed; a conversion needs the key');
  }
  return token === null || agrees(token, event) ? token : refused('token_mismatch', 'the token is of another ad or publisher');
}

/** Second question: may the ad be reported by who is named, '' = nobody? It hangs on nothing else of the event. */
export function standingOf(named: { entry: AdEntry | undefined; publisherId: string; campaignId: string; grants: Grants | null }): Standing {
  const { entry, campaignId, grants } = named;
  if (entry === undefined) return refused('unknown_ad', 'no such ad');
  const publisherId = named.publisherId || (grants === null ? '' : impliedPublisher(grants));
  if (grants !== null && !isInTenant(grants, { publisherId, advertiserId: entry.terms.advertiserId })) return outsideTenant();
  if (!entry.allows(publisherId)) return refused('not_allowed', 'the ad does not allow this publisher');
  if (campaignId !== '' && campaignId !== entry.ad.campaignId) return refused('campaign_mismatch', 'the ad is of another campaign');
  return { ok: true, entry, publisherId };
}

/** Third question: is there anything to count, and when did it come? */
export function arrived(event: ParsedEvent, token: TokenFields | null, standing: Standing, by: { grants: Grants | null; nowMs: EpochMs }): Admitted | Refused {
  if (!standing.ok) return standing;
  if (event.eventId === '' && event.kind === EVENT_KINDS.conversion) return refused('malformed', 'conversionId or eventId is required');
  const { grants, nowMs } = by;
  const { receivedAtMs, source } = arrivalOf(event, token, { isImporter: grants !== null && grants.mayReplay, nowMs });
  if (receivedAtMs > nowMs + MAX_REPLAY_AHEAD_MS) return refused('malformed', 'receivedAtMs lies more than a day ahead');
  return { ok: true, event, entry: standing.entry, token, publisherId: standing.publisherId, receivedAtMs, source };
}

/**
 * When an event came and among which events it is judged. What an importer brings lives in shards of its own, but for the events that a token
 * speaks for: all copies of a token meet in one shard, or it would count once as history and once live. An expired one came now, whatever
 * is said of it. (A conversion's token only names its click.)
 */
function arrivalOf(event: ParsedEvent, token: TokenFields | null, by: { isImporter: boolean; nowMs: EpochMs }): { receivedAtMs: EpochMs; source: Source } {
  const isTokenBound = token !== null && event.kind !== EVENT_KINDS.conversion;
  const isBelieved = by.isImporter && !(isTokenBound && by.nowMs >= token.expiresAtMs);
  return { receivedAtMs: isBelieved ? (event.receivedAtMs ?? by.nowMs) : by.nowMs, source: by.isImporter && !isTokenBound ? 'replay' : 'live' };
}

/**
 * Checks an event's token. A click's token speaks for both events of its nonce (and names the click of a conversion), an impression's only for impressions.
 * A token that expired is valid: its event is accepted and filtered.
 */
export function checkToken(event: ParsedEvent, verifier: TokenVerifier): TokenCheck {
  if (event.token === '') return NO_TOKEN;
  const asClick = verifier.verify(event.token, 'click');
  if (asClick.ok) return { kind: 'valid', token: asClick.token };
  if (event.kind === EVENT_KINDS.impression) {
    const asImpression = verifier.verify(event.token, 'impression');
    if (asImpression.ok) return { kind: 'valid', token: asImpression.token };
  }
  return { kind: 'invalid', message: asClick.why === 'wrong_purpose' ? 'the token is not for this kind of event' : 'the token is not ours' };
}

/** What the event says beside its token must not say otherwise. */
function agrees(token: TokenFields, event: ParsedEvent): boolean {
  return token.adId === event.adId && (event.publisherId === '' || event.publisherId === token.publisherId);
}

function refused(code: Rejection, message: string): Refused {
  return { ok: false, code, message, isOutsideTenant: false };
}

function outsideTenant(): Refused {
  return { ok: false, code: 'not_allowed', message: 'the key does not speak for this publisher or advertiser', isOutsideTenant: true };
}
