import { Hono, type Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { isRetryable, TrackingError } from '../../core/errors.ts';
import { admit, type GuardDeps } from './guard.ts';
import { refuseParameters } from './parameters.ts';
import type { Handler } from './handler.ts';
import { RequestError } from './request-error.ts';
import { routeSpec, ROUTE_NAMES, type RouteName } from './routes.ts';

/** A handler for every route of the table: one that is missing does not compile, one that is not in the table is not mounted. */
export type Handlers = { readonly [Name in RouteName]: Handler };

export type AppDeps = GuardDeps & {
  readonly handlers: Handlers;
  /** Told of what went wrong inside; callers learn only that something did. */
  readonly onError: (error: unknown, where: { method: string; path: string }) => void;
};

/** How long a caller should wait before it tries again. */
const RETRY_AFTER_SECONDS = 1;

/** The hub's HTTP side: the table of routes with its guard before each, and one shape for every refusal. */
export function createApp(deps: AppDeps): Hono {
  const app = new Hono();
  for (const name of ROUTE_NAMES) {
    const { method, path, access, query } = routeSpec(name);
    app.on(method, path, async (context) => {
      const caller = admit(deps, access, context.req.header('authorization'));
      const search = new URL(context.req.url).searchParams;
      if (access === 'operators' && query === undefined) refuseParameters(search);
      const reply = await deps.handlers[name]({ raw: context.req.raw, caller, search, path: (parameter) => context.req.param(parameter) ?? '' });
      // A HEAD gets the headers of its GET. Nobody will read the body: a stream that was opened for it must not stay open.
      if (context.req.method === 'HEAD') await reply.body?.cancel();
      return reply;
    });
  }
  app.onError((error, context) => answerError(deps, error, context));
  app.notFound((context) => answerUnknown(context));
  return app;
}

function answerError(deps: AppDeps, cause: unknown, context: Context): Response {
  const error = asRefusal(cause);
  if (!(error instanceof RequestError)) {
    deps.onError(error, { method: context.req.method, path: context.req.path });
    return refuse(context, 500, { code: 'internal', message: 'something went wrong here; it was logged' });
  }
  if (error.status === 503) {
    context.header('retry-after', String(RETRY_AFTER_SECONDS));
    if (error.cause !== undefined) deps.onError(error, { method: context.req.method, path: context.req.path });
  }
  if (error.status === 401) context.header('www-authenticate', 'Bearer');
  const { code, message, path } = error;
  return refuse(context, error.status, path === undefined ? { code, message } : { code, message, path });
}

/** A part behind us that does not answer now is no fault of this request: it may be asked again. */
function asRefusal(cause: unknown): unknown {
  const isPassing = cause instanceof TrackingError && isRetryable(cause.code);
  return isPassing ? new RequestError(503, cause.code, 'the log or the store does not answer now; ask again', { cause }) : cause;
}

function answerUnknown(context: Context): Response {
  const methods = ROUTE_NAMES.map(routeSpec).filter(({ path }) => pathMatches(path, context.req.path)).map(({ method }) => method);
  if (methods.length === 0) return refuse(context, 404, { code: 'not_found', message: 'there is no such route; see /docs' });
  context.header('allow', methods.join(', '));
  return refuse(context, 405, { code: 'method_not_allowed', message: `this route takes ${methods.join(', ')}` });
}

function pathMatches(pattern: string, path: string): boolean {
  const parts = path.split('/');
  const wanted = pattern.split('/');
  return parts.length === wanted.length && wanted.every((part, index) => part.startsWith(':') || part === parts[index]);
}

function refuse(context: Context, status: ContentfulStatusCode, body: object): Response {
  context.header('cache-control', 'no-store');
  return context.json(body, status);
}
