import { Hono } from 'hono';
import { CLICK_LINK, EDGE_ROUTE_NAMES, EDGE_ROUTES, edgeRoute, IMPRESSION_LINK, type EdgeRouteName } from '../schemas/edge-routes.ts';
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
type EdgeApp = { readonly routes: readonly { readonly method: string; readonly path: string }[]; fetch(request: Request, bindings: Bindings): Soon<Response> };
type Handler = (exchange: Exchange, path: string) => Soon<Response>;

/** A handler for every route of the table: one that is missing does not compile, one that is not in the table is not mounted. */
const HANDLERS: Readonly<Record<EdgeRouteName, Handler>> = {
  clickLink,
  pixel: impressionLink,
  beacon: impressionLink,
  click: clickBodyRoute,
  events: eventsRoute,
  nonces: noncesRoute,
  tag: tagRoute,
  healthz: healthzRoute,
};

const app = new Hono<{ Bindings: Bindings }>();
const table = EDGE_ROUTE_NAMES.map(edgeRoute);
for (const name of EDGE_ROUTE_NAMES) {
  const { method, path } = edgeRoute(name);
  app.on(method, path, (c) => HANDLERS[name](exchangeOf(c.req.raw, c.env), pathOf(c.req.url)));
}
for (const path of new Set(table.map((route) => route.path))) {
  const routes = table.filter((route) => route.path === path);
  const asksFirst = routes.some((route) => route.asksFirst);
  const allow = [...routes.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method])), ...(asksFirst ? ['OPTIONS'] : [])].join(', ');
  if (asksFirst) app.options(path, () => preflight(allow));
  app.all(path, () => refusal(405, 'method_not_allowed', `this route takes ${allow}`, { allow }));
}
app.notFound(() => refusal(404, 'not_found', 'there is no such route'));
app.onError((cause, c) => internalError(c.env.edge, cause));

/** The edge's routes. The three that are nearly all of the traffic are found by hand before Hono looks. */
export const edgeApp: EdgeApp = {
  routes: app.routes,
  fetch(request, bindings) {
    const { url } = request;
    const path = pathOf(url);
    const handler = busyHandler(path, request.method);
    return handler === null ? app.fetch(request, bindings) : replyOf(handler, exchangeOf(request, bindings, url), path);
  },
};

function busyHandler(path: string, method: string): Handler | null {
  const isGet = method === 'GET' || method === 'HEAD';
  if (isGet && path.startsWith(CLICK_LINK)) return clickLink;
  if ((isGet || method === 'POST') && path.startsWith(IMPRESSION_LINK)) return impressionLink;
  return method === 'POST' && path === EDGE_ROUTES.events.path ? eventsRoute : null;
}

async function replyOf(handler: Handler, exchange: Exchange, path: string): Promise<Response> {
  try {
    return await handler(exchange, path);
  } catch (cause) {
    return internalError(exchange.edge, cause);
  }
}

function clickLink(exchange: Exchange, path: string): Soon<Response> {
  return clickRoute(exchange, path.slice(CLICK_LINK.length));
}

function impressionLink(exchange: Exchange, path: string): Soon<Response> {
  return impressionRoute(exchange, path.slice(IMPRESSION_LINK.length));
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

function internalError(edge: Edge, cause: unknown): Response {
  edge.log(`a request failed: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`);
  return refusal(500, 'internal', 'this is our fault; it has been noted');
}
