import type { Rejection } from '../core/disposition.ts';
import { MINUTE_MS } from '../core/time.ts';

/** Why a request is refused: what is wrong with its event, or with itself. */
export type RefusalCode = Rejection | 'duplicate' | 'too_large' | 'too_many_requests' | 'overloaded';

/** One door of an edge: its router mounts it, its tests hold it to its replies, the hub's `/openapi.json` tells of it. A `GET` takes HEAD as well. */
export type EdgeRoute = {
  readonly method: 'GET' | 'POST';
  /** Hono's spelling: `/v1/c/:token`. */
  readonly path: string;
  /** Pages of other sites call it, and their browsers ask beforehand whether they may. */
  readonly asksFirst?: true;
  /** The largest body, as sent and after gunzip. */
  readonly maxBodyBytes?: number;
  /** Every status of its own, with the codes that a refusal of this status may carry. Any route may also answer 405, or 500 for a bug of ours. */
  readonly replies: Readonly<Record<number, readonly RefusalCode[]>>;
};

/** A body's `X-Signature` that is older, or from further ahead, than this is refused. */
export const SIGNATURE_TOLERANCE_MS = 5 * MINUTE_MS;

/** Paths that end with a token. */
export const CLICK_LINK = '/v1/c/';
export const IMPRESSION_LINK = '/v1/i/';

const BAD_LINK = { 404: ['bad_token', 'unknown_ad'], 503: ['overloaded'] } as const;

/** Every route of the edge, by the name of its handler. Source: DESIGN §3. */
export const EDGE_ROUTES = {
  clickLink: { method: 'GET', path: `${CLICK_LINK}:token`, replies: { 302: [], 404: [], 503: ['overloaded'] } },
  pixel: { method: 'GET', path: `${IMPRESSION_LINK}:token`, asksFirst: true, replies: { 200: [], ...BAD_LINK } },
  beacon: { method: 'POST', path: `${IMPRESSION_LINK}:token`, asksFirst: true, replies: { 204: [], ...BAD_LINK } },
  /** A click has some fifteen short fields. */
  click: {
    method: 'POST', path: '/v1/click', maxBodyBytes: 65_536,
    replies: {
      302: [],
      400: ['malformed', 'unsupported_schema', 'token_mismatch', 'campaign_mismatch'],
      401: ['unauthorized'],
      403: ['not_allowed'],
      404: ['bad_token', 'unknown_ad'],
      413: ['too_large'],
      503: ['overloaded'],
    },
  },
  events: {
    method: 'POST', path: '/v1/events', asksFirst: true, maxBodyBytes: 1_048_576,
    replies: { 202: [], 400: ['malformed', 'unsupported_schema'], 401: ['unauthorized'], 403: ['not_allowed'], 409: ['duplicate'], 413: ['too_large'], 503: ['overloaded'] },
  },
  /** An order has a handful of short fields. */
  nonces: {
    method: 'POST', path: '/v1/nonces', maxBodyBytes: 16_384,
    replies: { 200: [], 400: ['malformed'], 401: ['unauthorized'], 403: ['not_allowed'], 404: ['unknown_ad'], 413: ['too_large'], 503: ['overloaded'] },
  },
  tag: { method: 'GET', path: '/v1/tag', asksFirst: true, replies: { 200: [], 400: ['malformed'], 403: ['not_allowed'], 404: ['unknown_ad'], 429: ['too_many_requests'], 503: ['overloaded'] } },
  healthz: { method: 'GET', path: '/healthz', replies: { 200: [] } },
} as const satisfies Record<string, EdgeRoute>;

export type EdgeRouteName = keyof typeof EDGE_ROUTES;
export const EDGE_ROUTE_NAMES = Object.keys(EDGE_ROUTES) as readonly EdgeRouteName[];

/** The same table under the type of its rows, for those who walk it. */
export function edgeRoute(name: EdgeRouteName): EdgeRoute {
  return EDGE_ROUTES[name];
}
