import { DISPOSITIONS } from '../../core/disposition.ts';
import type { DoorResult } from './whole-refusal.ts';

/** The body of a 202. `received` = `accepted` + `rejected`; duplicates are accepted. Source: DESIGN §3. */
export type EventsReply = {
  readonly received: number;
  readonly accepted: number;
  readonly duplicates: number;
  readonly rejected: readonly { readonly index: number; readonly code: string; readonly message: string }[];
  /** Fields of accepted events that we do not know and set aside; told only where there are some, to whoever mistyped one. */
  readonly unknownFields?: number;
};

/** What became of a request's events: what the door said of each, and what the shards made of those that came in (in their order). */
export function eventsReply(results: readonly DoorResult[], dispositions: readonly number[]): EventsReply {
  const rejected: EventsReply['rejected'][number][] = [];
  let unknownFields = 0;
  for (let index = 0; index < results.length; index++) {
    const result = results[index]!;
    if (result.ok) unknownFields += result.event.unknownFields;
    else rejected.push({ index, code: result.code, message: result.message });
  }
  let duplicates = 0;
  for (const code of dispositions) if (code === DISPOSITIONS.duplicate) duplicates++;
  const reply = { received: results.length, accepted: results.length - rejected.length, duplicates, rejected };
  return unknownFields === 0 ? reply : { ...reply, unknownFields };
}

/** True when the request was one event and that event was known already: it is told so by 409. */
export function isLoneDuplicate(reply: EventsReply): boolean {
  return reply.received === 1 && reply.duplicates === 1;
}
