import { REJECTIONS } from '../../core/disposition.ts';
import { DEVICE_TYPES } from '../../core/event.ts';
import { ID_PATTERN } from '../../core/ids.ts';
import { EVENT_SCHEMA_VERSION, EVENT_TYPES } from '../../schemas/event-json.ts';
import { MAX_EVENTS_PER_BODY } from '../../schemas/event-json/events-body.ts';
import { MAX_EVENT_ID_CHARS, MAX_IP_HASH_CHARS, MAX_TEXT_CHARS, MAX_USER_ID_CHARS, snakeCase, type EventField } from '../../schemas/event-json/field-reader.ts';
import { MAX_TOKENS_PER_ORDER, MAX_TTL_MS, MIN_TTL_MS, type NonceOrder } from '../../schemas/nonce-order.ts';
import type { Schema } from './operation.ts';

/** A schema of `components` by its name. */
export const schemaRef = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

const id = (description: string): Schema => ({ type: 'string', pattern: ID_PATTERN.source, description });
const eventId = (description: string): Schema => ({ type: 'string', minLength: 1, maxLength: MAX_EVENT_ID_CHARS, description: `${description}; an id's characters` });
const text = (maxLength: number, description: string): Schema => ({ type: 'string', maxLength, description });
/** Never a reason to refuse an event: a longer one is cut. */
const prose = (description: string): Schema => ({ type: 'string', description: `${description}; cut after ${MAX_TEXT_CHARS} characters` });
const epochMs = (description: string): Schema => ({ type: 'integer', minimum: 0, description });

const TOKEN: Schema = { type: 'string', description: 'A token of /v1/nonces or /v1/tag: it speaks for the event, and its nonce is the id of its impression and its click' };
const USER = text(MAX_USER_ID_CHARS, "The sender's own pseudonym of the person");

/** What each field of an event may be: a field that the parser knows and this table does not would not compile. */
const EVENT: Readonly<Record<EventField, Schema>> = {
  schemaVersion: { const: EVENT_SCHEMA_VERSION, description: 'Absent means this one' },
  eventType: { enum: EVENT_TYPES, description: 'viewable is an impression that was seen' },
  eventId: eventId("The event's id, instead of clickId, impressionId or conversionId by its type; with both, they are the same"),
  clickId: eventId("A click's id; of a conversion the click that it names"),
  impressionId: eventId("An impression's id; of a click the impression that it names"),
  conversionId: eventId("A conversion's id"),
  adId: id('The ad'),
  campaignId: id('Must be the one of the ad'),
  creativeId: id('The creative'),
  publisherId: id('The publisher; a key that speaks for one alone implies it'),
  placementId: id('The placement'),
  timestamp: { type: ['string', 'integer'], description: 'When it happened: ISO 8601 with a zone, or epoch ms' },
  timestampMs: epochMs('The same as epoch ms; goes before timestamp'),
  userPseudoId: USER,
  ipHash: text(MAX_IP_HASH_CHARS, "The sender's own hash of the address"),
  userAgent: prose("The person's agent, where a server reports"),
  deviceType: { type: 'string', description: `${DEVICE_TYPES.join(', ')}; usual other names are understood, any else is other` },
  country: { type: 'string', description: 'ISO 3166-1, two letters; anything else is absent' },
  referrer: prose('The page'),
  bidRequestId: text(MAX_USER_ID_CHARS, 'The bid request'),
  valueMicros: { type: 'integer', minimum: 0, description: "A conversion's value in micros" },
  currency: { type: 'string', pattern: '^[A-Za-z]{3}$', description: 'ISO 4217' },
  consent: { type: ['object', 'string'], description: '{optOut, gpc, dnt, usPrivacy, gpp, tcf, gdpr} or one consent string; any refusal keeps the event private' },
  token: TOKEN,
  viewable: { type: 'boolean', description: 'The impression was seen' },
  receivedAtMs: epochMs('Imported history: when it came; heeded for keys with scope replay'),
};

/** The fields of `POST /v1/click` that its callers need; it knows those of an event too. */
const CLICK_FIELDS: readonly EventField[] = ['clickId', 'adId', 'timestampMs', 'deviceType', 'country', 'impressionId', 'token'];

const ORDER: Readonly<Record<keyof NonceOrder, Schema>> = {
  adId: id('The ad that will be shown'),
  publisherId: id('A publisher of the key'),
  placementId: id('The placement'),
  userPseudoId: USER,
  count: { type: 'integer', minimum: 1, maximum: MAX_TOKENS_PER_ORDER, default: 1, description: 'How many tokens; 1 when absent' },
  ttlMs: { type: 'integer', minimum: MIN_TTL_MS, maximum: MAX_TTL_MS, default: MAX_TTL_MS, description: 'How long they live; as long as they may when absent' },
};

const REJECTED: Schema = {
  type: 'object',
  required: ['index', 'code', 'message'],
  properties: { index: { type: 'integer', description: 'Its place in the request' }, code: { enum: REJECTIONS }, message: { type: 'string' } },
};

const SPELLING = "Fields in camelCase or snake_case; null, '' and macros that nobody filled are absent";

/** What edges are sent and what they answer, by name. */
export const EDGE_SCHEMAS: Readonly<Record<string, Schema>> = {
  Event: { type: 'object', description: `${SPELLING}. Unknown fields are set aside, and counted in the reply`, required: ['eventType', 'adId'], properties: EVENT },
  Events: { type: 'object', required: ['events'], properties: { events: { type: 'array', minItems: 1, maxItems: MAX_EVENTS_PER_BODY, items: schemaRef('Event'), description: `1 to ${MAX_EVENTS_PER_BODY} of Event` } } },
  EventsReply: {
    type: 'object',
    description: 'Every accepted event is durable',
    required: ['received', 'accepted', 'duplicates', 'rejected'],
    properties: {
      received: { type: 'integer', description: 'accepted + rejected' },
      accepted: { type: 'integer', description: 'Duplicates among them' },
      duplicates: { type: 'integer', description: 'Accepted before; counted once' },
      rejected: { type: 'array', items: REJECTED, description: `index, code and message of each; codes: ${REJECTIONS.join(', ')}` },
      unknownFields: { type: 'integer', description: 'Fields that nobody here knows; absent where there are none' },
    },
  },
  Click: {
    type: 'object',
    description: `A click, with the fields of Event besides. ${SPELLING}`,
    required: ['ad_id'],
    properties: { ...Object.fromEntries(CLICK_FIELDS.map((field) => [snakeCase(field), EVENT[field]])), user_id: USER },
  },
  NonceOrder: { type: 'object', description: SPELLING, required: ['adId', 'publisherId'], properties: ORDER },
  Tokens: {
    type: 'object',
    required: ['tokens'],
    properties: {
      tokens: {
        type: 'array',
        items: {
          type: 'object',
          required: ['token', 'impressionId', 'impressionUrl', 'clickUrl', 'expiresAtMs'],
          properties: { token: TOKEN, impressionId: { type: 'string' }, impressionUrl: { type: 'string', format: 'uri' }, clickUrl: { type: 'string', format: 'uri' }, expiresAtMs: epochMs('From then on it still leads to the landing page, and is filtered') },
        },
        description: 'token, impressionId, impressionUrl, clickUrl and expiresAtMs of each',
      },
    },
  },
};
