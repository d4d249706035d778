import type { Rejection } from '../../core/disposition.ts';
import { parseBody, type ParsedEventResult } from '../../schemas/event-json.ts';
import { callerOf, ingestGrants, isSignedAsDemanded, type Caller } from '../auth/caller.ts';
import type { CatalogueView } from '../catalogue/catalogue-view.ts';
import { deliverAll, type AddressedEvent } from '../delivery/delivery-office.ts';
import { eventTools } from '../edge.ts';
import { claimsOf } from '../event/claims.ts';
import type { Admitted } from '../event/door.ts';
import { draftEvent } from '../event/draft-event.ts';
import { eventsReply, isLoneDuplicate } from '../event/events-reply.ts';
import { refuseEvent } from '../event/promise.ts';
import { RequestDoor } from '../event/request-door.ts';
import { shardOf } from '../event/shard-of.ts';
import { wholeRefusal, type DoorResult } from '../event/whole-refusal.ts';
import { catalogueOf, isInTouch, signalsOf, type Exchange } from '../exchange.ts';
import { json, outOfTouch, overloaded, refusal } from '../replies.ts';
import { expectedBytes, unpackedBytes, type Coming } from '../request/body-budget.ts';
import { MAX_BODY_BYTES, readSent, unpack } from '../request/body.ts';

/**
 * `POST /v1/events`: who sends it → is it welcome → read → wait for a turn → take it apart → each event at the door → deliver → reply. Answers 202 only when
 * every accepted event is durable.
 */
export async function eventsRoute(exchange: Exchange): Promise<Response> {
  const { edge, request, scope } = exchange;
  const catalogue = await catalogueOf(exchange);
  if (catalogue === null) return overloaded('the catalogue has not arrived yet');
  const { caller, view } = await callerOf(exchange, catalogue);
  // A key may have been revoked, or made; and what it vouches for may have no token. Without a key each event has one.
  if (caller.kind !== 'anonymous' && !isInTouch(exchange)) return outOfTouch();
  if (caller.kind === 'unknown') return refuseUnread(exchange, 401, 'unauthorized', 'the key is not known');
  const coming = edge.bodies.welcome(expectedBytes(request.headers), caller.kind === 'known', scope);
  return coming === null ? tooMuch() : readAndTake(exchange, coming, caller, { view, ticket: catalogue.ticket });
}

type Catalogue = { readonly view: CatalogueView; readonly ticket: number };

async function readAndTake(exchange: Exchange, coming: Coming, caller: Caller, catalogue: Catalogue): Promise<Response> {
  const { edge, request, scope } = exchange;
  const sent = await readSent(request, MAX_BODY_BYTES, coming.isKnown ? edge.arrivals.known : edge.arrivals.strangers);
  if (!sent.ok) return sent.flaw.status === 503 ? overloaded(sent.flaw.message) : refuseUnread(exchange, sent.flaw.status, sent.flaw.code, sent.flaw.message);
  const stay = await edge.bodies.enter(coming, unpackedBytes(sent.raw.length, request.headers), scope);
  if (stay === null) return tooMuch();
  try {
    return await unpackAndTake(exchange, sent.raw, caller, catalogue);
  } finally {
    edge.bodies.leave(stay);
  }
}

async function unpackAndTake(exchange: Exchange, raw: Uint8Array, caller: Caller, catalogue: Catalogue): Promise<Response> {
  const body = unpack(exchange.request, raw);
  if (!body.ok) return refuseUnread(exchange, body.flaw.status, body.flaw.code, body.flaw.message);
  if (caller.kind === 'known' && !isSignedAsDemanded(exchange, caller.key, raw)) {
    return refuseUnread(exchange, 401, 'unauthorized', 'X-Signature is missing or wrong');
  }
  return takeEvents(exchange, body.bytes, caller, catalogue);
}

function tooMuch(): Response {
  return overloaded('too many events are being taken in; send it again');
}

async function takeEvents(exchange: Exchange, bytes: Uint8Array, caller: Caller, { view, ticket }: Catalogue): Promise<Response> {
  const parsedBody = parseBody(bytes, exchange.request.headers.get('content-type'));
  if (!parsedBody.ok) return refuseUnread(exchange, parsedBody.status, parsedBody.code, parsedBody.message);
  const parsed = parsedBody.events;
  const viewOfAds = await viewWithAds(exchange, view, ticket, parsed);
  const grants = ingestGrants(caller);
  const door = new RequestDoor({ ads: viewOfAds.ads, verifier: viewOfAds.verifier, grants, nowMs: exchange.scope.arrivedAtMs });
  const results = parsed.map((result): DoorResult => (result.ok ? door.judge(result.event) : { ...result, isOutsideTenant: false }));
  const whole = wholeRefusal(results, grants !== null);
  if (whole !== null) {
    bookRefusals(exchange, results);
    return refusal(whole.status, whole.code, whole.message);
  }
  return acknowledge(exchange, viewOfAds, grants !== null, results);
}

/** The view to judge by: a newer one where an event names an ad that the one at hand does not know. */
async function viewWithAds({ edge, scope }: Exchange, view: CatalogueView, ticket: number, parsed: readonly ParsedEventResult[]): Promise<CatalogueView> {
  const knowsAll = parsed.every((result) => !result.ok || view.ads.has(result.event.adId));
  return knowsAll ? view : ((await edge.catalogue.viewAfter(ticket, scope)) ?? view);
}

/** Delivers what came in and says what became of it. */
async function acknowledge(exchange: Exchange, view: CatalogueView, isKeyed: boolean, results: readonly DoorResult[]): Promise<Response> {
  const addressed = address(exchange, view, isKeyed, results.filter((result) => result.ok));
  const acknowledgement = await deliverAll(exchange.edge.coalescer, addressed, exchange.scope);
  if (acknowledgement.kind === 'overloaded') return overloaded('too much is waiting for these ads; send it again');
  if (acknowledgement.kind === 'unconfirmed') return overloaded('not all of it could be confirmed; send it again, what did arrive will be a duplicate');
  bookRefusals(exchange, results);
  const reply = eventsReply(results, acknowledgement.dispositions);
  return isLoneDuplicate(reply) ? refusal(409, 'duplicate', 'this event was accepted before') : json(202, reply);
}

function address(exchange: Exchange, view: CatalogueView, isKeyed: boolean, admitted: readonly Admitted[]): AddressedEvent[] {
  const { edge } = exchange;
  const signals = signalsOf(exchange);
  const tools = eventTools(edge, view);
  return admitted.map(({ event: parsed, entry, token, publisherId, receivedAtMs, source }) => {
    const claims = claimsOf(parsed, publisherId);
    const event = draftEvent({ claims, entry, token, signals, isDirect: !isKeyed, isUnsigned: false, receivedAtMs }, tools);
    const { shard, homeRegion } = shardOf(event, { source, entry, token, hasher: edge.hasher, epochs: view.shardEpochs });
    return { event, shard, homeRegion };
  });
}

/** A request that nobody took apart counts as one refused event. */
function refuseUnread(exchange: Exchange, status: number, code: string, message: string): Response {
  refuseEvent(exchange, status === 401 ? 'unauthorized' : 'malformed');
  return refusal(status, code, message);
}

function bookRefusals(exchange: Exchange, results: readonly DoorResult[]): void {
  const counts = new Map<Rejection, number>();
  for (const result of results) if (!result.ok) counts.set(result.code, (counts.get(result.code) ?? 0) + 1);
  for (const [rejection, count] of counts) refuseEvent(exchange, rejection, count);
}
