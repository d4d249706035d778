import { assert } from '../../core/errors.ts';
import type { Tenant } from '../query/tenant.ts';
import type { Caller } from './guard.ts';
import { badRequest, RequestError } from './request-error.ts';

/** A request that was let in, as handlers see it. */
export type HubRequest = {
  readonly raw: Request;
  readonly caller: Caller;
  /** Query parameters. */
  readonly search: URLSearchParams;
  /** A parameter of the path. */
  readonly path: (name: string) => string;
};

/** Answers one route; refuses with a `RequestError`. */
export type Handler = (request: HubRequest) => Response | Promise<Response>;

/** Bodies of administration: a catalogue of 20 000 ads fits. */
export const BODY_BYTES_MAX = 16 * 1_048_576;

/** A JSON reply. Nothing that the hub says may be stored by caches. */
export function json(value: unknown, status = 200): Response {
  return Response.json(value, { status, headers: { 'cache-control': 'no-store' } });
}

/** Whose rows the caller sees; only routes for readers ask. */
export function tenantOfCaller({ caller }: HubRequest): Tenant {
  assert(caller.tenant !== null, 'the guard lets only readers in');
  return caller.tenant;
}

/** The body as text; throws `RequestError` 413 as soon as it is too long, 400 when it is not UTF-8. */
export async function readText(request: Request, maxBytes = BODY_BYTES_MAX): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new RequestError(413, 'too_large', `a body has at most ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks, bytes));
  } catch (cause) {
    throw new RequestError(400, 'malformed', 'the body is not UTF-8', { cause });
  }
}

/** The body as JSON; throws `RequestError` 400 or 413. */
export async function readJson(request: Request): Promise<unknown> {
  const text = await readText(request);
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new RequestError(400, 'malformed', 'the body is not JSON', { cause });
  }
}

/** The body as a JSON object whose fields are all among `known`. */
export async function readObject(request: Request, known: readonly string[]): Promise<Record<string, unknown>> {
  const value = await readJson(request);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw badRequest('the body must be a JSON object', 'malformed');
  const unknown = Object.keys(value).find((field) => !known.includes(field));
  if (unknown !== undefined) {
    throw new RequestError(400, 'unknown_field', `unknown field; known are ${known.join(', ')}`, { path: unknown.slice(0, 64) });
  }
  return value as Record<string, unknown>;
}
