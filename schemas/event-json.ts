import type { Rejection } from '../core/disposition.ts';
import { EVENT_KINDS } from '../core/event.ts';
import type { DeviceType, EventKindCode } from '../core/event.ts';
import type { EpochMs } from '../core/time.ts';
import { consentOf } from './consent.ts';
import type { ConsentSignals } from './consent.ts';
import { TrackingError } from '../core/errors.ts';
import { BinaryEvents } from './event-binary/decode.ts';
import { eventCountFlaw, parseEventsBody, UnreadableLine, type BodyRefusal } from './event-json/events-body.ts';
import { FieldReader, MAX_USER_ID_CHARS, SLOT, fieldSlots } from './event-json/field-reader.ts';
import type { FieldSlots } from './event-json/field-reader.ts';

/** Media type of a binary body. */
export const BINARY_EVENTS_MEDIA_TYPE = 'application/vnd.edgetally.events';

/** The one version of the event's shape; absent means this one. */
export const EVENT_SCHEMA_VERSION = 1;

/** An event as its sender told it, checked by itself: neither catalogue nor token has been looked at. Empty string or zero = absent. */
export type ParsedEvent = {
  /** Impression, click or conversion; `viewable` comes as an impression with its flag. */
  readonly kind: EventKindCode;
  readonly viewable: boolean;
  /** The event's own id; '' only for an impression or a click whose token gives it. */
  readonly eventId: string;
  /** For an impression its own id, else the impression that the event claims. */
  readonly impressionId: string;
  /** For a click its own id, else the click that the event claims. */
  readonly clickId: string;
  readonly adId: string;
  readonly campaignId: string;
  readonly creativeId: string;
  readonly publisherId: string;
  readonly placementId: string;
  /** When it happened, by the sender's clock; undefined leaves it to the token's or the edge's. */
  readonly timestampMs: EpochMs | undefined;
  /** Honoured only for keys with scope `replay`. */
  readonly receivedAtMs: EpochMs | undefined;
  readonly userPseudoId: string;
  readonly ipHash: string;
  readonly userAgent: string;
  /** undefined leaves it to the edge. */
  readonly deviceType: DeviceType | undefined;
  readonly country: string;
  readonly referrer: string;
  readonly bidRequestId: string;
  readonly valueMicros: number;
  readonly currency: string;
  readonly consent: ConsentSignals | undefined;
  readonly token: string;
  /** How many fields nobody here knows; they are ignored. */
  readonly unknownFields: number;
};

export type ParsedEventResult =
  | { readonly ok: true; readonly event: ParsedEvent }
  | { readonly ok: false; readonly code: Extract<Rejection, 'malformed' | 'unsupported_schema'>; readonly message: string };

const EVENT_SLOTS = fieldSlots();
const CLICK_SLOTS = fieldSlots({ userId: 'userPseudoId', user_id: 'userPseudoId' });
const KINDS_BY_TYPE: ReadonlyMap<unknown, EventKindCode> = new Map<string, EventKindCode>([
  ['impression', EVENT_KINDS.impression],
  ['viewable', EVENT_KINDS.impression],
  ['click', EVENT_KINDS.click],
  ['conversion', EVENT_KINDS.conversion],
]);
/** What `eventType` may be. */
export const EVENT_TYPES: readonly unknown[] = [...KINDS_BY_TYPE.keys()];
/** Scratch of the parser, which never awaits. */
const reader = new FieldReader();

/** Checks one item of `parseEventsBody`. Total: whatever the value, it gives an event or says what to mend. */
export function parseEvent(value: unknown): ParsedEventResult {
  return parse(value, EVENT_SLOTS, undefined);
}

/**
 * The events of a body of `POST /v1/events`, in their order: `next`, to be called `eventCount` times, checks one by itself. They are taken apart as they are asked for: a
 * thousand of them side by side in memory would be copied by the collector, one after another they cost it nothing.
 */
export type BodyEvents = { readonly ok: true; readonly eventCount: number; next(): ParsedEventResult };

/** Opens a body, JSON or binary as its media type says, or tells why nothing of it can be read; both are judged by the same rules. The caller has checked its size. */
export function openBody(bytes: Uint8Array, contentType: string | null): BodyEvents | BodyRefusal {
  if ((contentType ?? '').split(';', 1)[0]!.trim().toLowerCase() === BINARY_EVENTS_MEDIA_TYPE) return openBinaryBody(bytes);
  const body = parseEventsBody(textOf(bytes), contentType);
  if (!body.ok) return body;
  const { items } = body;
  let at = 0;
  return { ok: true, eventCount: items.length, next: () => parseEvent(items[at++]) };
}

function openBinaryBody(bytes: Uint8Array): BodyEvents | BodyRefusal {
  try {
    const body = new BinaryEvents(bytes);
    const flaw = eventCountFlaw(body.eventCount);
    if (flaw !== null) return flaw;
    body.check();
    const next = (): ParsedEventResult => {
      body.next(reader);
      return resultOf(readEvent(undefined));
    };
    return { ok: true, eventCount: body.eventCount, next };
  } catch (cause) {
    if (cause instanceof TrackingError && cause.code === 'corrupt_bytes') return { ok: false, status: 400, code: 'malformed', message: `the body is not binary events: ${cause.message}` };
    throw cause;
  }
}

/** Bytes that are no UTF-8 become U+FFFD: the rules then refuse what matters. A byte order mark is dropped. */
export function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}
const decoder = new TextDecoder();

/** Checks the body of `POST /v1/click`, already out of its JSON: `{click_id, ad_id, timestamp_ms, …, user_id?, impression_id?, token?}`. */
export function parseClickBody(value: unknown): ParsedEventResult {
  return parse(value, CLICK_SLOTS, 'click');
}

function parse(value: unknown, slots: FieldSlots, impliedType: 'click' | undefined): ParsedEventResult {
  if (value instanceof UnreadableLine) return malformed(value.message);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return malformed('an event must be a JSON object');
  reader.open(value, slots);
  const event = readEvent(impliedType);
  const version = reader.raw(SLOT.schemaVersion) ?? EVENT_SCHEMA_VERSION;
  if (version !== EVENT_SCHEMA_VERSION) return unsupported(version);
  return resultOf(event);
}

/** The event that the reader has just read, unless something was wrong with it. */
function resultOf(event: ParsedEvent): ParsedEventResult {
  return reader.flaw === '' ? { ok: true, event } : malformed(reader.flaw);
}

function readEvent(impliedType: 'click' | undefined): ParsedEvent {
  const eventType = impliedType ?? reader.raw(SLOT.eventType);
  const kind = kindOf(eventType);
  const token = reader.string(SLOT.token);
  const adId = reader.id(SLOT.adId);
  if (adId === '') reader.refuse('adId is required');
  const impressionId = reader.eventId(SLOT.impressionId);
  const clickId = reader.eventId(SLOT.clickId);
  const conversionId = reader.eventId(SLOT.conversionId);
  const ownId = kind === EVENT_KINDS.click ? clickId : kind === EVENT_KINDS.conversion ? conversionId : impressionId;
  const givenId = reader.eventId(SLOT.eventId);
  if (givenId !== '' && ownId !== '' && givenId !== ownId) reader.refuse(`eventId and ${OWN_ID_FIELD[kind]} are two names for one id, and differ`);
  const eventId = givenId || ownId;
  if (eventId === '') checkUnnamed(kind, token);
  const timestamp = reader.instant(SLOT.timestamp);
  return {
    kind,
    viewable: reader.flag(SLOT.viewable) || eventType === 'viewable',
    eventId,
    impressionId: impressionId === '' && kind === EVENT_KINDS.impression ? eventId : impressionId,
    clickId: clickId === '' && kind === EVENT_KINDS.click ? eventId : clickId,
    adId,
    campaignId: reader.id(SLOT.campaignId),
    creativeId: reader.id(SLOT.creativeId),
    publisherId: reader.id(SLOT.publisherId),
    placementId: reader.id(SLOT.placementId),
    timestampMs: reader.epochMs(SLOT.timestampMs) ?? timestamp,
    receivedAtMs: reader.epochMs(SLOT.receivedAtMs),
    userPseudoId: reader.opaque(SLOT.userPseudoId, MAX_USER_ID_CHARS),
    ipHash: reader.ipHash(),
    userAgent: reader.familiarProse(SLOT.userAgent),
    deviceType: reader.deviceType(),
    country: reader.country(),
    referrer: reader.prose(SLOT.referrer),
    bidRequestId: reader.opaque(SLOT.bidRequestId, MAX_USER_ID_CHARS),
    valueMicros: reader.micros(SLOT.valueMicros),
    currency: reader.currency(),
    consent: consentOf(reader.raw(SLOT.consent)),
    token,
    unknownFields: reader.unknownFields,
  };
}

function kindOf(eventType: unknown): EventKindCode {
  const kind = KINDS_BY_TYPE.get(eventType);
  if (kind === undefined) reader.refuse('eventType must be impression, click, conversion or viewable');
  return kind ?? EVENT_KINDS.impression;
}

/** An event without an own id, which may be called by its kind's name: a token's nonce stands for it, of impressions and clicks. */
function checkUnnamed(kind: EventKindCode, token: string): void {
  if (kind === EVENT_KINDS.conversion) reader.refuse('conversionId or eventId is required');
  if (token === '') reader.refuse(`${OWN_ID_FIELD[kind]} or eventId is required, or a token`);
}

const OWN_ID_FIELD: Readonly<Record<EventKindCode, string>> = {
  [EVENT_KINDS.impression]: 'impressionId',
  [EVENT_KINDS.viewable]: 'impressionId',
  [EVENT_KINDS.click]: 'clickId',
  [EVENT_KINDS.conversion]: 'conversionId',
};

function malformed(message: string): ParsedEventResult {
  return { ok: false, code: 'malformed', message };
}

/** A sender ahead of us learns whether going back would help: the event has been read as the version we know. */
function unsupported(version: unknown): ParsedEventResult {
  const named = typeof version === 'number' ? `schemaVersion ${version}` : 'this schemaVersion';
  const shadow = reader.flaw === '' ? 'it would be accepted' : `${reader.flaw}`;
  const message = `${named} is not supported, only ${EVENT_SCHEMA_VERSION}; read as ${EVENT_SCHEMA_VERSION}: ${shadow}`;
  return { ok: false, code: 'unsupported_schema', message };
}
