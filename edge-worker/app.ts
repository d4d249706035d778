import { Hono } from 'hono';
import type { Edge } from './edge.ts';
import type { Exchange } from './exchange.ts';
import type { RequestScope } from './ports.ts';
import { preflight, refusal } from './replies.ts';
import { clickBodyRoute } from './routes/click-body.ts';
import { clickRoute } from './routes/click.ts';
import { eventsRoute } from './routes/events.ts';
import { healthzRoute } from './routes/healthz.ts';
import { impressionRoute } from './routes/impression.ts';
import { noncesRoute } from './routes/nonces.ts';
import { tagRoute } from './routes/tag.ts';
import type { Soon } from './soon.ts';

type Bindings = { readonly edge: Edge; readonly scope: RequestScope };
type EdgeApp = { fetch(request: Request, bindings: Bindings): Soon<Response> };

const app = new Hono<{ Bindings: Bindings }>();
app.get('/v1/tag', (c) => tagRoute(exchangeOf(c.req.raw, c.env)));
app.post('/v1/nonces', (c) => noncesRoute(exchangeOf(c.req.raw, c.env)));
app.post('/v1/click', (c) => clickBodyRoute(exchangeOf(c.req.raw, c.env)));
app.get('/healthz', (c) => healthzRoute(exchangeOf(c.req.raw, c.env)));
app.options('/v1/tag', () => preflight('GET, OPTIONS'));
app.options('/v1/events', () => preflight('POST, OPTIONS'));
for (const [path, allow] of Object.entries({
  '/v1/tag': 'GET, HEAD, OPTIONS',
  '/v1/nonces': 'POST',
  '/v1/click': 'POST',
  '/v1/events': 'POST, OPTIONS',
  '/healthz': 'GET, HEAD',
})) {
  app.all(path, () => wrongMethod(allow));
}
app.notFound(() => refusal(404, 'not_found', 'there is no such route'));
app.onError((cause, c) => internalError(c.env.edge, cause));

/** The edge's routes. The three that are nearly all of the traffic are found by hand before Hono looks. */
export const edgeApp: EdgeApp = {
  fetch(request, bindings) {
    const { url } = request;
    const path = pathOf(url);
    const route = busyRoute(path, request.method);
    return route === null ? app.fetch(request, bindings) : replyOf(route, exchangeOf(request, bindings, url), path);
  },
};

type BusyRoute = (exchange: Exchange, path: string) => Soon<Response>;

const TOKEN_AT = '/v1/c/'.length;

function busyRoute(path: string, method: string): BusyRoute | null {
  if (path.startsWith('/v1/c/')) return clickLink;
  if (path.startsWith('/v1/i/')) return pixelLink;
  return path === '/v1/events' && method === 'POST' ? eventsRoute : null;
}

async function replyOf(route: BusyRoute, exchange: Exchange, path: string): Promise<Response> {
  try {
    return await route(exchange, path);
  } catch (cause) {
    return internalError(exchange.edge, cause);
  }
}

function clickLink(exchange: Exchange, path: string): Soon<Response> {
  const { method } = exchange.request;
  return method === 'GET' || method === 'HEAD' ? clickRoute(exchange, path.slice(TOKEN_AT)) : wrongMethod('GET, HEAD');
}

function pixelLink(exchange: Exchange, path: string): Soon<Response> {
  const { method } = exchange.request;
  if (method === 'OPTIONS') return preflight('GET, POST, OPTIONS');
  return method === 'GET' || method === 'HEAD' || method === 'POST' ? impressionRoute(exchange, path.slice(TOKEN_AT)) : wrongMethod('GET, HEAD, POST, OPTIONS');
}

/** `url`: the runtime spells it anew each time it is asked. */
function exchangeOf(request: Request, { edge, scope }: Bindings, url = request.url): Exchange {
  edge.spill.carryOn(scope);
  const queryAt = url.indexOf('?');
  return { edge, scope, request, search: queryAt < 0 ? '' : url.slice(queryAt) };
}

/** The path as it was sent, nothing decoded: a token has no character that needs it. */
export function pathOf(url: string): string {
  const pathAt = url.indexOf('/', url.indexOf('://') + 3);
  const queryAt = url.indexOf('?', pathAt);
  return pathAt < 0 ? '/' : url.slice(pathAt, queryAt < 0 ? url.length : queryAt);
}

function wrongMethod(allow: string): Response {
  return refusal(405, 'method_not_allowed', `this route takes ${allow}`, { allow });
}

function internalError(edge: Edge, cause: unknown): Response {
  edge.log(`a request failed: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`);
  return refusal(500, 'internal', 'this is our fault; it has been noted');
}
