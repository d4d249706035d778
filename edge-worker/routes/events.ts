import { keepAlive } from '../../core/keep-alive.ts';
import { openBody, type BodyEvents } from '../../schemas/event-json.ts';
import { callerOf, ingestGrants, isSignedAsDemanded, type Caller, type Called } from '../auth/caller.ts';
import type { Acknowledgement } from '../delivery/delivery-office.ts';
import { isLoneDuplicate } from '../event/events-reply.ts';
import { Intake } from '../event/intake.ts';
import { refuseEvent } from '../event/promise.ts';
import { catalogueOf, isInTouch, type Exchange } from '../exchange.ts';
import { json, outOfTouch, overloaded, refusal } from '../replies.ts';
import { expectedBytes, unpackedBytes, type Coming } from '../request/body-budget.ts';
import { MAX_BODY_BYTES, readSent, unpack } from '../request/body.ts';
import { whenReady, type Soon } from '../soon.ts';

/**
 * `POST /v1/events`: who sends it → is it welcome → read → wait for a turn → each event at the door and on its way → reply. Answers 202 only when
 * every accepted event is durable.
 */
export function eventsRoute(exchange: Exchange): Soon<Response> {
  return whenReady(catalogueOf(exchange), (catalogue) => {
    if (catalogue === null) return overloaded('the catalogue has not arrived yet');
    return whenReady(callerOf(exchange, catalogue), (called) => welcome(exchange, called, catalogue.ticket));
  });
}

function welcome(exchange: Exchange, called: Called, ticket: number): Soon<Response> {
  const { edge, request, scope } = exchange;
  const { caller } = called;
  // A key may have been revoked, or made; and what it vouches for may have no token. Without a key each event has one.
  if (caller.kind !== 'anonymous' && !isInTouch(exchange)) return outOfTouch();
  if (caller.kind === 'unknown') return refuseUnread(exchange, 401, 'unauthorized', 'the key is not known');
  const coming = edge.bodies.welcome(expectedBytes(request.headers), caller.kind === 'known', scope);
  return coming === null ? tooMuch() : readAndTake(exchange, coming, called, ticket);
}

async function readAndTake(exchange: Exchange, coming: Coming, called: Called, ticket: number): Promise<Response> {
  const { edge, request, scope } = exchange;
  const sent = await readSent(request, MAX_BODY_BYTES, coming.isKnown ? edge.arrivals.known : edge.arrivals.strangers);
  if (!sent.ok) return sent.flaw.status === 503 ? overloaded(sent.flaw.message) : refuseUnread(exchange, sent.flaw.status, sent.flaw.code, sent.flaw.message);
  const entered = edge.bodies.enter(coming, unpackedBytes(sent.raw.length, request.headers), scope);
  const stay = entered instanceof Promise ? await entered : entered;
  if (stay === null) return tooMuch();
  try {
    const body = open(exchange, sent.raw, called.caller);
    if (body instanceof Response) return body;
    const intake = keepAlive('intake', new Intake(exchange, body, called.view, ingestGrants(called.caller)));
    let progress = intake.takeIn();
    if (progress === 'unknown_ad') {
      intake.turnTo((await edge.catalogue.viewAfter(ticket, scope)) ?? called.view);
      progress = intake.takeIn();
    }
    return progress === 'all_in' ? acknowledge(exchange, intake, await intake.acknowledged()) : overloaded(NO_ROOM);
  } finally {
    edge.bodies.leave(stay);
  }
}

/** The body's events; or the refusal of a body of which nothing can be read. */
function open(exchange: Exchange, raw: Uint8Array, caller: Caller): BodyEvents | Response {
  const body = unpack(exchange.request, raw);
  if (!body.ok) return refuseUnread(exchange, body.flaw.status, body.flaw.code, body.flaw.message);
  if (caller.kind === 'known' && !isSignedAsDemanded(exchange, caller.key, raw)) {
    return refuseUnread(exchange, 401, 'unauthorized', 'X-Signature is missing or wrong');
  }
  const events = openBody(body.bytes, exchange.request.headers.get('content-type'));
  return events.ok ? events : refuseUnread(exchange, events.status, events.code, events.message);
}

/** Says what became of a request's events. */
function acknowledge(exchange: Exchange, intake: Intake, acknowledgement: Acknowledgement): Response {
  if (acknowledgement.kind === 'overloaded') return overloaded(NO_ROOM);
  if (acknowledgement.kind === 'unconfirmed') return overloaded('not all of it could be confirmed; send it again, what did arrive will be a duplicate');
  for (const [rejection, count] of intake.refusals.counts()) refuseEvent(exchange, rejection, count);
  const whole = intake.refusedWhole();
  if (whole !== null) return refusal(whole.status, whole.code, whole.message);
  const reply = intake.reply(acknowledgement.duplicates);
  return isLoneDuplicate(reply) ? refusal(409, 'duplicate', 'this event was accepted before') : json(202, reply);
}

const NO_ROOM = 'too much is waiting for these ads; send it again';

function tooMuch(): Response {
  return overloaded('too many events are being taken in; send it again');
}

/** A request that nobody took apart counts as one refused event. */
function refuseUnread(exchange: Exchange, status: number, code: string, message: string): Response {
  refuseEvent(exchange, status === 401 ? 'unauthorized' : 'malformed');
  return refusal(status, code, message);
}
