import { tenantOfCaller, type Handler } from '../http/handler.ts';
import { bearerOf } from '../http/guard.ts';
import { refuseForeignFilters } from '../query/query-handlers.ts';
import { parseQueryRequest, STREAM_PARAMETERS } from '../query/request.ts';
import { streamRows, type StreamDeps } from './stream.ts';
import { parseLastEventId, type OpenStreams } from './stream-response.ts';

export type StreamHandlerDeps = StreamDeps & {
  readonly streams: OpenStreams;
  /** False once the key is deleted. */
  readonly isKeyAlive: (key: string) => boolean;
};

/** `GET /v1/stream`. */
export function streamHandlers(deps: StreamHandlerDeps) {
  const stream: Handler = (request) => {
    const tenant = tenantOfCaller(request);
    const question = parseQueryRequest(request.search, STREAM_PARAMETERS);
    refuseForeignFilters(question, tenant);
    const key = bearerOf(request.raw.headers.get('authorization') ?? undefined);
    const resumeFromMs = parseLastEventId(request.raw.headers.get('last-event-id') ?? undefined);
    return deps.streams.respond((signal) =>
      streamRows(deps, { request: question, tenant, resumeFromMs, isStillAllowed: () => deps.isKeyAlive(key), signal }),
    );
  };
  return { stream };
}
