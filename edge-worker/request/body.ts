import { gunzipSync } from 'node:zlib';
import { EDGE_ROUTES } from '../../schemas/edge-routes.ts';
import { BodyArrivals, type Arrival } from './body-arrivals.ts';

/** The largest body of any route, as sent and after gunzip. */
export const MAX_BODY_BYTES: number = EDGE_ROUTES.events.maxBodyBytes;

/**
 * How much of a body that is too long is read all the same, and forgotten: a sender whose body is left unread finds the connection cut while
 * he writes, and never hears our 413. Beyond this it was no mistake.
 */
const MAX_DRAINED_BYTES = 16 * MAX_BODY_BYTES;
/** A body this long, or longer, is counted as it comes; a shorter one is taken in one piece: it holds hardly more than its connection does. */
const COUNTED_BYTES = 49_152;
/** Read at a time: each read is a turn of the request's. What a sender who falls silent leaves allocated for the next is `READ_AHEAD` times what he has sent at most, or the least of these. */
const MIN_READ_BYTES = 4_096;
const MAX_READ_BYTES = 65_536;
const READ_AHEAD = 4;

/** 503: it was sent so slowly that others needed its room; nothing else is wrong with it. */
export type BodyFlaw = { readonly status: 400 | 413 | 503; readonly code: 'too_large' | 'malformed' | 'overloaded'; readonly message: string };
/** The body as it was sent: what a signature covers. */
export type SentBody = { readonly ok: true; readonly raw: Uint8Array } | Flawed;
/** As it was sent, and unpacked. */
export type Body = { readonly ok: true; readonly raw: Uint8Array; readonly bytes: Uint8Array } | Flawed;
type Flawed = { readonly ok: false; readonly flaw: BodyFlaw };

const BAD_GZIP: BodyFlaw = { status: 400, code: 'malformed', message: 'the body is not valid gzip' };
const BAD_ENCODING: BodyFlaw = { status: 400, code: 'malformed', message: 'content-encoding must be gzip or identity' };
const BROKEN: BodyFlaw = { status: 400, code: 'malformed', message: 'the body broke off' };
const GAVE_WAY: BodyFlaw = { status: 503, code: 'overloaded', message: 'too much is being sent at the same time; send it again' };

/** Reads a request's body and unpacks it. */
export async function readBody(request: Request, maxBytes: number): Promise<Body> {
  const sent = await readSent(request, maxBytes, new BodyArrivals(maxBytes));
  return sent.ok ? unpack(request, sent.raw, maxBytes) : sent;
}

/** Reads a request's body and never holds more than the limit and one chunk of it, whatever its headers claim. Bodies of one `arrivals` share its room while they come. */
export function readSent(request: Request, maxBytes: number, arrivals: BodyArrivals): Promise<SentBody> {
  const length = request.headers.get('content-length');
  const declaredBytes = Number(length ?? 0);
  if (!['', 'identity', 'gzip'].includes(encodingOf(request))) return Promise.resolve(flawed(BAD_ENCODING));
  if (declaredBytes > maxBytes) return passOver(request, declaredBytes, maxBytes);
  if (length === null || declaredBytes >= COUNTED_BYTES) return collect(request.body, maxBytes, arrivals.begin(declaredBytes));
  return request.arrayBuffer().then(
    (buffer) => (buffer.byteLength > maxBytes ? flawed(tooLarge(maxBytes)) : { ok: true, raw: new Uint8Array(buffer) }),
    () => flawed(BROKEN),
  );
}

/** A body that is too long by its own account. */
async function passOver(request: Request, declaredBytes: number, maxBytes: number): Promise<SentBody> {
  if (request.body !== null && declaredBytes <= MAX_DRAINED_BYTES) await drain(request.body.getReader({ mode: 'byob' }));
  return flawed(tooLarge(maxBytes));
}

/**
 * Unpacks what `readSent` gave, no further than `maxBytes`: zlib's own bound. A `DecompressionStream` inflates whatever it is handed before anybody may read a byte
 * of it: one request's bomb of 1 MB took 1 GB.
 */
export function unpack(request: Request, raw: Uint8Array, maxBytes = MAX_BODY_BYTES): Body {
  if (encodingOf(request) !== 'gzip') return { ok: true, raw, bytes: raw };
  try {
    return { ok: true, raw, bytes: gunzipSync(raw, { maxOutputLength: maxBytes }) };
  } catch (cause) {
    return flawed(cause instanceof RangeError ? tooLarge(maxBytes) : BAD_GZIP);
  }
}

function tooLarge(maxBytes: number): BodyFlaw {
  return { status: 413, code: 'too_large', message: `a body has at most ${maxBytes} bytes here, before and after gunzip` };
}

function encodingOf(request: Request): string {
  return (request.headers.get('content-encoding') ?? '').trim().toLowerCase();
}

function flawed(flaw: BodyFlaw): Flawed {
  return { ok: false, flaw };
}

/** Reads to the end; what is too much is not kept. */
async function collect(stream: ReadableStream<Uint8Array> | null, maxBytes: number, arrival: Arrival): Promise<SentBody> {
  if (stream === null) return { ok: true, raw: new Uint8Array(0) };
  const reader = stream.getReader({ mode: 'byob' });
  let buffer = new ArrayBuffer(MIN_READ_BYTES);
  try {
    for (;;) {
      const { done, value } = await reader.read(new Uint8Array(buffer));
      if (done) return { ok: true, raw: arrival.end() };
      if (arrival.byteLength + value.length > maxBytes) {
        arrival.end();
        await drain(reader);
        return flawed(tooLarge(maxBytes));
      }
      if (!arrival.add(value)) return flawed(GAVE_WAY);
      const wantedBytes = Math.min(MAX_READ_BYTES, READ_AHEAD * arrival.byteLength);
      buffer = value.buffer.byteLength >= wantedBytes ? value.buffer : new ArrayBuffer(wantedBytes);
    }
  } catch {
    arrival.end();
    return flawed(BROKEN);
  }
}

/** Reads on and forgets, so far as a mistake may go, and then stops the source. Never throws. */
async function drain(reader: ReadableStreamBYOBReader): Promise<void> {
  try {
    let buffer = new ArrayBuffer(MAX_READ_BYTES);
    for (let drainedBytes = 0; drainedBytes <= MAX_DRAINED_BYTES; ) {
      const { done, value } = await reader.read(new Uint8Array(buffer));
      if (done) return;
      drainedBytes += value.length;
      buffer = value.buffer;
    }
    await reader.cancel();
  } catch {
    // He hung up, or is cut off: nobody waits for an answer.
  }
}
