import { SECOND_MS } from '../../core/time.ts';
import { CLICK_LINK, EDGE_ROUTE_NAMES, edgeRoute, IMPRESSION_LINK, SIGNATURE_TOLERANCE_MS, type EdgeRoute, type EdgeRouteName } from '../../schemas/edge-routes.ts';
import { BINARY_EVENTS_MEDIA_TYPE } from '../../schemas/event-json.ts';
import { JSON_MEDIA_TYPE, NDJSON_MEDIA_TYPE } from '../../schemas/event-json/events-body.ts';
import { schemaRef } from './edge-schemas.ts';
import { pathParameters, pathsOf, refusal, type Content, type Operation, type Parameter, type Paths, type Reply, type Server } from './operation.ts';

export const EDGE_TAG = { name: 'Edge', description: 'Every point of presence serves these: what browsers, publishers and advertisers call. No reply may be cached; all but redirects and pages may be read from any origin.' };
export const EDGE_SERVER: Server = {
  url: '{edge}',
  description: 'A point of presence; any will do',
  variables: { edge: { default: 'http://127.0.0.1:8787', description: 'Its origin; this is the first one of npm start' } },
};

/** What the table of the edge's routes does not say: words, examples, and what a success looks like. */
type Telling = {
  readonly caller: keyof typeof CALLERS;
  readonly summary: string;
  readonly parameters?: readonly Parameter[];
  readonly body?: Content;
  /** Bodies of the replies that are no refusals, by status; the others have none. */
  readonly replies?: Readonly<Record<number, Content>>;
};

const SIGNATURE: Parameter = {
  name: 'X-Signature',
  in: 'header',
  description:
    `t=<epoch s or ms>,v1=<hex of HMAC-SHA-256 over "<t>.<body as sent>">, within ${SIGNATURE_TOLERANCE_MS / SECOND_MS} s; for keys that demand it. The HMAC's key is ` +
    "the 32 bytes that signingSecret stands for, not its text: decode it as base64url first. Node: createHmac('sha256', Buffer.from(signingSecret, 'base64url')). A shell: docs/operations.md",
  schema: { type: 'string' },
};
const ENCODING: Parameter = { name: 'Content-Encoding', in: 'header', description: 'gzip, where the body is packed', schema: { enum: ['gzip', 'identity'] } };

const CALLERS = {
  anybody: { words: 'Open to all.', security: [], parameters: [] },
  sender: { words: 'For keys with scope ingest or replay, within their tenant; without a key a token speaks for each event.', security: [{ key: [] }, {}], parameters: [SIGNATURE] },
  publisher: { words: 'For keys with scope publisher:ID.', security: [{ key: [] }], parameters: [] },
};

const IN_VIEW: Parameter = { name: 'v', in: 'query', description: '1 marks it viewable (MRC: half of it for a second)', schema: { const: '1' } };
const idParameter = (name: string, description: string, required: boolean): Parameter => ({ name, in: 'query', required, description, schema: { type: 'string' } });

const EVENT = { eventType: 'click', clickId: 'click-1', adId: 'ad-1', publisherId: 'pub-1', timestamp: '2026-09-21T14:13:20Z', userPseudoId: 'user-1' };
const IMPRESSION = { eventType: 'impression', impressionId: 'impression-1', adId: 'ad-1', publisherId: 'pub-1', timestampMs: 1790000000000 };
const TOKENS = { tokens: [{ token: '…', impressionId: '…', impressionUrl: `https://edge.example${IMPRESSION_LINK}TOKEN`, clickUrl: `https://edge.example${CLICK_LINK}TOKEN`, expiresAtMs: 1790086400000 }] };
const ONE_OR_MANY = { oneOf: [schemaRef('Event'), schemaRef('Events')] };

const TELLINGS: Readonly<Record<EdgeRouteName, Telling>> = {
  clickLink: {
    caller: 'anybody',
    summary: "A person follows an ad's link. HEAD, prefetch and a token that has expired lead on too, and are never counted",
    replies: { 404: { 'text/html': {} } },
  },
  pixel: { caller: 'anybody', summary: 'An impression, as an image', parameters: [IN_VIEW], replies: { 200: { 'image/gif': {} } } },
  beacon: { caller: 'anybody', summary: 'An impression, as a beacon', parameters: [IN_VIEW] },
  click: {
    caller: 'sender',
    summary: "A click told in JSON, answered with its redirect. With neither key nor token it is filtered as unsigned, unless its ad allows that",
    body: { [JSON_MEDIA_TYPE]: { schema: schemaRef('Click'), example: { click_id: 'click-1', ad_id: 'ad-1', timestamp_ms: 1790000000000, device_type: 'mobile', country: 'US', user_id: 'user-1' } } },
  },
  events: {
    caller: 'sender',
    summary: 'Impressions, clicks and conversions: one, a list or NDJSON. After 503, or no answer, send it again: what did arrive is a duplicate',
    body: {
      [JSON_MEDIA_TYPE]: { schema: ONE_OR_MANY, example: { events: [IMPRESSION, EVENT] } },
      [NDJSON_MEDIA_TYPE]: { schema: { type: 'string', description: 'One Event a line' }, example: `${JSON.stringify(IMPRESSION)}\n${JSON.stringify(EVENT)}\n` },
      'text/plain': { schema: { type: 'string', description: 'JSON or NDJSON, as sendBeacon sends it' }, example: JSON.stringify(EVENT) },
      [BINARY_EVENTS_MEDIA_TYPE]: { schema: { type: 'string', format: 'binary', description: 'docs/wire-format.md' } },
    },
    replies: { 202: { [JSON_MEDIA_TYPE]: { schema: schemaRef('EventsReply'), example: { received: 2, accepted: 2, duplicates: 0, rejected: [] } } } },
  },
  nonces: {
    caller: 'publisher',
    summary: "A publisher's server orders tokens for an ad that it is about to show",
    body: { [JSON_MEDIA_TYPE]: { schema: schemaRef('NonceOrder'), example: { adId: 'ad-1', publisherId: 'pub-1', placementId: 'top', count: 1 } } },
    replies: { 200: { [JSON_MEDIA_TYPE]: { schema: schemaRef('Tokens'), example: TOKENS } } },
  },
  tag: {
    caller: 'anybody',
    summary: 'A page asks for one token itself; it is of use only to the same network and agent',
    parameters: [idParameter('ad', 'The ad', true), idParameter('pub', 'The publisher', true), idParameter('pl', 'The placement', false)],
    replies: { 200: { [JSON_MEDIA_TYPE]: { schema: schemaRef('Tokens'), example: TOKENS } } },
  },
  healthz: {
    caller: 'anybody',
    summary: 'This isolate answers; inTouch is false where it has not heard from its hub for too long, and what rests on news gets 503',
    replies: { 200: { [JSON_MEDIA_TYPE]: { example: { ok: true, pop: 'us', catalogueVersion: 7, inTouch: true, isolate: { unconfirmed: 0, spilledBatches: 0, parkedBatches: 0, lostBatches: 0 } } } } },
  },
};

/** What each status says, whichever route answers it. */
const MEANINGS: Readonly<Record<number, string>> = {
  200: 'OK',
  202: 'Every accepted event is durable',
  204: 'Taken',
  302: 'To the landing page that the catalogue names; the click is taken',
  400: 'It cannot be read, or contradicts itself',
  401: 'Neither a key that we know nor a token, or the signature is missing or wrong',
  403: 'The key or the ad does not allow it',
  404: 'No such ad, or a token that we did not sign',
  409: 'The one event of the request was accepted before',
  413: 'It is too large',
  429: 'Too many from this network; wait for Retry-After',
  503: 'Nothing was acknowledged; send it again after Retry-After',
};

const RETRY_AFTER = { 'Retry-After': { description: 'Seconds to wait', schema: { type: 'integer' } } };
const HEADERS: Readonly<Record<number, Reply['headers']>> = {
  302: { Location: { description: 'The landing page, its macros filled', schema: { type: 'string', format: 'uri' } } },
  429: RETRY_AFTER,
  503: RETRY_AFTER,
};

/** The edge's part of the document: facts out of its table of routes, words from here. */
export function edgePaths(): Paths {
  return pathsOf(EDGE_ROUTE_NAMES.map((name) => ({ ...edgeRoute(name), operation: operationOf(name) })), [EDGE_SERVER]);
}

function operationOf(name: EdgeRouteName): Operation {
  const { caller, summary, parameters = [], body } = TELLINGS[name];
  const { path, maxBodyBytes } = edgeRoute(name);
  const { words, security, parameters: ofCaller } = CALLERS[caller];
  return {
    operationId: name,
    tags: [EDGE_TAG.name],
    summary,
    description: words,
    security,
    parameters: [...pathParameters(path), ...parameters, ...ofCaller, ...(body === undefined ? [] : [ENCODING])],
    ...(body === undefined ? {} : { requestBody: { required: true, description: `At most ${maxBodyBytes} bytes, before and after gunzip`, content: body } }),
    responses: { ...repliesOf(name, edgeRoute(name)), default: refusal('Refused') },
  };
}

function repliesOf(name: EdgeRouteName, { replies }: EdgeRoute): Readonly<Record<string, Reply>> {
  return Object.fromEntries(
    Object.entries(replies).map(([status, codes]) => {
      const description = MEANINGS[Number(status)] ?? '';
      const content = TELLINGS[name].replies?.[Number(status)];
      const headers = HEADERS[Number(status)];
      const reply = codes.length > 0 ? refusal(description, codes) : { description, ...(content === undefined ? {} : { content }) };
      return [status, headers === undefined ? reply : { ...reply, headers }];
    }),
  );
}
