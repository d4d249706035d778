import { Hono } from 'hono';
import type { Context } from 'hono';
import { TrackingError } from '../../core/errors.ts';
import type { Clock } from '../../core/time.ts';
import { MAX_FRAME_BYTES } from '../../schemas/wire/frame.ts';
import { acceptFrame, refusal, UNVOUCHED } from './accept-frame.ts';
import type { FlushReply, IntakeDeps } from './accept-frame.ts';
import { FLUSH_SIGNATURE_HEADER, vouchedDigest } from './signature.ts';

const RETRY_AFTER_S = 1;

/**
 * `POST /v1/flush`, the shards' door: reads no more than a frame may have, and hands it to `acceptFrame`. The body of a sender whom no key
 * vouches for is not read at all: strangers who send slowly would take the room that shards need.
 */
export function flushRoute(deps: IntakeDeps & { readonly clock: Clock }): Hono {
  return new Hono().post('/v1/flush', async (context) => send(context, await reply(deps, context.req.raw)));
}

async function reply(deps: IntakeDeps & { readonly clock: Clock }, request: Request): Promise<FlushReply> {
  const nowMs = deps.clock.nowMs();
  const declaredBytes = Number(request.headers.get('content-length') ?? 0);
  const refused = (answer: FlushReply, bodyBytes: number): FlushReply => {
    deps.metrics.flushed(answer.outcome, { bodyBytes, rawEvents: 0 });
    return answer;
  };
  const signatureHeader = request.headers.get(FLUSH_SIGNATURE_HEADER) ?? undefined;
  if (vouchedDigest(deps.flushKeys, { header: signatureHeader, nowMs }) === null) return refused(refusal('unauthorized', UNVOUCHED), declaredBytes);
  if (declaredBytes > MAX_FRAME_BYTES) return refused(refusal('too_large', `a frame has at most ${MAX_FRAME_BYTES} bytes`), declaredBytes);
  try {
    return await deps.budget.spend(declaredBytes || MAX_FRAME_BYTES, async () => {
      const body = await readBody(request, MAX_FRAME_BYTES);
      if (body === null) return refused(refusal('too_large', `a frame has at most ${MAX_FRAME_BYTES} bytes`), MAX_FRAME_BYTES + 1);
      return acceptFrame(deps, { body, signatureHeader, nowMs });
    });
  } catch (error) {
    if (error instanceof TrackingError && error.code === 'overloaded') return refused(refusal('overloaded', error.message), 0);
    throw error;
  }
}

/** The whole body, or null as soon as it is longer than `maxBytes`. */
async function readBody(request: Request, maxBytes: number): Promise<Uint8Array | null> {
  if (request.body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request.body) {
    bytes += chunk.length;
    if (bytes > maxBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}

function send(context: Context, { status, body }: FlushReply): Response {
  const headers: Record<string, string> = { 'content-type': 'application/json', 'cache-control': 'no-store' };
  if (status === 503) headers['retry-after'] = String(RETRY_AFTER_S);
  return context.body(body, status, headers);
}
