import type { Refusals } from './refusals.ts';

/** The body of a 202. `received` = `accepted` + `rejected`; duplicates are accepted. Source: DESIGN §3. */
export type EventsReply = {
  readonly received: number;
  readonly accepted: number;
  readonly duplicates: number;
  readonly rejected: readonly { readonly index: number; readonly code: string; readonly message: string }[];
  /** Fields of accepted events that we do not know and set aside; told only where there are some, to whoever mistyped one. */
  readonly unknownFields?: number;
};

/** What became of a request's events: what the door refused, and how many of the others were duplicates. */
export function eventsReply(events: { received: number; refusals: Refusals; duplicates: number; unknownFields: number }): EventsReply {
  const { received, refusals, duplicates, unknownFields } = events;
  const rejected = refusals.list.map(({ index, code, message }) => ({ index, code, message }));
  const reply = { received, accepted: received - rejected.length, duplicates, rejected };
  return unknownFields === 0 ? reply : { ...reply, unknownFields };
}

/** True when the request was one event and that event was known already: it is told so by 409. */
export function isLoneDuplicate(reply: EventsReply): boolean {
  return reply.received === 1 && reply.duplicates === 1;
}
