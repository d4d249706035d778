import { gunzipSync } from 'node:zlib';

/** The largest body, as sent and after gunzip. Source: DESIGN §3. */
export const MAX_BODY_BYTES = 1_048_576;

/**
 * How much of a body that is too long is read all the same, and forgotten: a sender whose body is left unread finds the connection cut while
 * he writes, and never hears our 413. Beyond this it was no mistake.
 */
const MAX_DRAINED_BYTES = 16 * MAX_BODY_BYTES;

export type BodyFlaw = { readonly status: 400 | 413; readonly code: 'too_large' | 'malformed'; readonly message: string };
/** The body as it was sent (what a signature covers) and unpacked. */
export type Body = { readonly ok: true; readonly raw: Uint8Array; readonly bytes: Uint8Array } | { readonly ok: false; readonly flaw: BodyFlaw };

const TOO_LARGE: BodyFlaw = { status: 413, code: 'too_large', message: `a body has at most ${MAX_BODY_BYTES} bytes, before and after gunzip` };
const BAD_GZIP: BodyFlaw = { status: 400, code: 'malformed', message: 'the body is not valid gzip' };
const BAD_ENCODING: BodyFlaw = { status: 400, code: 'malformed', message: 'content-encoding must be gzip or identity' };
const BROKEN: BodyFlaw = { status: 400, code: 'malformed', message: 'the body broke off' };

/** Reads a request's body and never holds more than the limit and one chunk of it, whatever its headers claim. */
export async function readBody(request: Request, maxBytes = MAX_BODY_BYTES): Promise<Body> {
  const encoding = (request.headers.get('content-encoding') ?? '').trim().toLowerCase();
  const declaredBytes = Number(request.headers.get('content-length') ?? 0);
  if (encoding !== '' && encoding !== 'identity' && encoding !== 'gzip') return { ok: false, flaw: BAD_ENCODING };
  if (declaredBytes > maxBytes) {
    if (request.body !== null && declaredBytes <= MAX_DRAINED_BYTES) await drain(request.body.getReader());
    return { ok: false, flaw: TOO_LARGE };
  }
  const raw = await collectRequest(request, maxBytes);
  if ('flaw' in raw) return { ok: false, flaw: raw.flaw };
  if (encoding !== 'gzip') return { ok: true, raw: raw.bytes, bytes: raw.bytes };
  const plain = gunzip(raw.bytes, maxBytes);
  return 'flaw' in plain ? { ok: false, flaw: plain.flaw } : { ok: true, raw: raw.bytes, bytes: plain.bytes };
}

/** A body whose length the server vouches for is taken in one piece. */
async function collectRequest(request: Request, maxBytes: number): Promise<Collected> {
  if (request.headers.get('content-length') === null) return collect(request.body, maxBytes);
  try {
    const bytes = new Uint8Array(await request.arrayBuffer());
    return bytes.length > maxBytes ? { flaw: TOO_LARGE } : { bytes };
  } catch {
    return { flaw: BROKEN };
  }
}

type Collected = { readonly bytes: Uint8Array } | { readonly flaw: BodyFlaw };

/** Reads to the end; what is too much is not kept. */
async function collect(stream: ReadableStream<Uint8Array> | null, maxBytes: number): Promise<Collected> {
  if (stream === null) return { bytes: new Uint8Array(0) };
  const chunks: Uint8Array[] = [];
  let byteCount = 0;
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return { bytes: joined(chunks, byteCount) };
      byteCount += value.length;
      if (byteCount > maxBytes) {
        chunks.length = 0;
        await drain(reader);
        return { flaw: TOO_LARGE };
      }
      chunks.push(value);
    }
  } catch {
    return { flaw: BROKEN };
  }
}

/** Reads on and forgets, so far as a mistake may go, and then stops the source. Never throws. */
async function drain(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  try {
    for (let drainedBytes = 0; drainedBytes <= MAX_DRAINED_BYTES; ) {
      const { done, value } = await reader.read();
      if (done) return;
      drainedBytes += value.length;
    }
    await reader.cancel();
  } catch {
    // He hung up, or is cut off: nobody waits for an answer.
  }
}

/**
 * Inflates no further than `maxBytes`: zlib's own bound. A `DecompressionStream` inflates whatever it is handed before anybody may read a byte
 * of it: one request's bomb of 1 MB took 1 GB.
 */
function gunzip(bytes: Uint8Array, maxBytes: number): Collected {
  try {
    return { bytes: gunzipSync(bytes, { maxOutputLength: maxBytes }) };
  } catch (cause) {
    return { flaw: cause instanceof RangeError ? TOO_LARGE : BAD_GZIP };
  }
}

function joined(chunks: readonly Uint8Array[], byteCount: number): Uint8Array {
  const [only] = chunks;
  if (chunks.length === 1 && only !== undefined) return only;
  const whole = new Uint8Array(byteCount);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
