import { countOpeners, textNestsDeeper } from './depth.ts';

/** Events in one request. A longer history is sent in several. */
export const MAX_EVENTS_PER_BODY = 1_000;
export const JSON_MEDIA_TYPE = 'application/json';
export const NDJSON_MEDIA_TYPE = 'application/x-ndjson';
/** Objects and arrays that a body of 1 000 events may need. A body with more is scanned before it is parsed: a million `[` would cost 30 MB. */
const MAX_OPENERS = 20_000;
/** Deeper bodies are attacks or mistakes; an event needs three levels. */
const MAX_DEPTH = 64;

/** A line of NDJSON that is not JSON; it keeps its place, so that its rejection carries its index. */
export class UnreadableLine {
  readonly message = 'the line is not JSON';
}
const UNREADABLE = new UnreadableLine();

/** Why nothing of a body can be taken. */
export type BodyRefusal = { readonly ok: false; readonly status: 400 | 413; readonly code: 'malformed' | 'too_large'; readonly message: string };
export type EventsBody = { readonly ok: true; readonly items: readonly unknown[] } | BodyRefusal;

/**
 * Takes a body of `POST /v1/events` apart into events as they came: one object, `{"events": […]}` or NDJSON. `application/json` is JSON,
 * `application/x-ndjson` is lines, anything else (`text/plain` of sendBeacon) is JSON if it parses and lines if it does not. Blank lines do
 * not count. Items are for `parseEvent`; a body of which nothing is JSON is refused whole. The caller has checked the size.
 */
export function parseEventsBody(text: string, contentType: string | null | undefined): EventsBody {
  const body = text.startsWith('\ufeff') ? text.slice(1) : text;
  if (countOpeners(body, MAX_OPENERS + 1) > MAX_OPENERS) {
    if (textNestsDeeper(body, MAX_DEPTH)) return refused(400, 'malformed', `the body nests deeper than ${MAX_DEPTH}`);
    return refused(413, 'too_large', `the body has more than ${MAX_OPENERS} objects and lists`);
  }
  const mediaType = (contentType ?? '').split(';', 1)[0]!.trim().toLowerCase();
  if (mediaType === NDJSON_MEDIA_TYPE) return itemsOfLines(body);
  const value = parseJson(body);
  if (value !== UNREADABLE) return itemsOfJson(value);
  return mediaType !== JSON_MEDIA_TYPE && body.includes('\n') ? itemsOfLines(body) : refused(400, 'malformed', 'the body is not JSON');
}

function itemsOfJson(value: unknown): EventsBody {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refused(400, 'malformed', 'the body must be an event, {"events": […]} or NDJSON');
  }
  if (!Object.hasOwn(value, 'events')) return { ok: true, items: [value] };
  const { events } = value as { events: unknown };
  if (!Array.isArray(events)) return refused(400, 'malformed', 'events must be a list');
  return eventCountFlaw(events.length) ?? { ok: true, items: events };
}

/** A body has at least one event, and at most `MAX_EVENTS_PER_BODY`. */
export function eventCountFlaw(count: number): BodyRefusal | null {
  if (count === 0) return refused(400, 'malformed', 'events is empty');
  return count > MAX_EVENTS_PER_BODY ? tooMany() : null;
}

function itemsOfLines(body: string): EventsBody {
  const items: unknown[] = [];
  let readable = false;
  for (const line of body.split('\n')) {
    if (line.trim() === '') continue;
    if (items.length === MAX_EVENTS_PER_BODY) return tooMany();
    const item = parseJson(line);
    readable ||= item !== UNREADABLE;
    items.push(item);
  }
  return readable ? { ok: true, items } : refused(400, 'malformed', 'no line of the body is JSON');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return UNREADABLE;
  }
}

function tooMany(): BodyRefusal {
  return refused(413, 'too_large', `the body has more than ${MAX_EVENTS_PER_BODY} events`);
}

function refused(status: 400 | 413, code: 'malformed' | 'too_large', message: string): BodyRefusal {
  return { ok: false, status, code, message };
}
