import { openBody } from '../../schemas/event-json.ts';
import { callerOf, ingestGrants, isSignedAsDemanded, type Caller } from '../auth/caller.ts';
import type { CatalogueView } from '../catalogue/catalogue-view.ts';
import { Dispatch } from '../delivery/delivery-office.ts';
import { eventsReply, isLoneDuplicate } from '../event/events-reply.ts';
import { refuseEvent } from '../event/promise.ts';
import { Reception } from '../event/reception.ts';
import { Refusals } from '../event/refusals.ts';
import { catalogueOf, isInTouch, type Exchange } from '../exchange.ts';
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

/** Each event goes from its bytes to its shard's batch before the next one is looked at. */
async function takeEvents(exchange: Exchange, bytes: Uint8Array, caller: Caller, { view, ticket }: Catalogue): Promise<Response> {
  const { edge, scope } = exchange;
  const body = openBody(bytes, exchange.request.headers.get('content-type'));
  if (!body.ok) return refuseUnread(exchange, body.status, body.code, body.message);
  const grants = ingestGrants(caller);
  const reception = new Reception(exchange, view, grants);
  const dispatch = new Dispatch(edge.coalescer, scope);
  const refusals = new Refusals();
  let unknownFields = 0;
  let isNewest = false;
  for (let index = 0; index < body.eventCount; index++) {
    const parsed = body.next();
    if (!parsed.ok) {
      refusals.add(index, { ...parsed, isOutsideTenant: false });
      continue;
    }
    if (!isNewest && !reception.knows(parsed.event)) {
      isNewest = true;
      reception.turnTo((await edge.catalogue.viewAfter(ticket, scope)) ?? view);
    }
    const received = reception.receive(parsed.event);
    if (!received.ok) refusals.add(index, received);
    else if (!dispatch.add(received)) return overloaded('too much is waiting for these ads; send it again');
    else unknownFields += parsed.event.unknownFields;
  }
  return acknowledge(exchange, { received: body.eventCount, hasIngestKey: grants !== null, refusals, unknownFields }, dispatch);
}

type Taken = { readonly received: number; readonly hasIngestKey: boolean; readonly refusals: Refusals; readonly unknownFields: number };

/** Says what became of a request's events, once all that came in are durable. */
async function acknowledge(exchange: Exchange, taken: Taken, dispatch: Dispatch): Promise<Response> {
  const { received, refusals, unknownFields } = taken;
  const acknowledgement = await dispatch.acknowledged();
  if (acknowledgement.kind === 'overloaded') return overloaded('too much is waiting for these ads; send it again');
  if (acknowledgement.kind === 'unconfirmed') return overloaded('not all of it could be confirmed; send it again, what did arrive will be a duplicate');
  for (const [rejection, count] of refusals.counts()) refuseEvent(exchange, rejection, count);
  const whole = refusals.ofWhole(received, taken.hasIngestKey);
  if (whole !== null) return refusal(whole.status, whole.code, whole.message);
  const reply = eventsReply({ received, refusals, duplicates: acknowledgement.duplicates, unknownFields });
  return isLoneDuplicate(reply) ? refusal(409, 'duplicate', 'this event was accepted before') : json(202, reply);
}

/** A request that nobody took apart counts as one refused event. */
function refuseUnread(exchange: Exchange, status: number, code: string, message: string): Response {
  refuseEvent(exchange, status === 401 ? 'unauthorized' : 'malformed');
  return refusal(status, code, message);
}
