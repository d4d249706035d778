import { TrackingError } from '../core/errors.ts';
import type { HaltReason } from '../core/flush/outbox.ts';
import { decodeAck } from '../schemas/wire/ack.ts';
import type { FlushAck } from '../schemas/wire/ack.ts';

/** What came of sending one frame. A failure may be a lost ack: the frame may well be in the hub's log. */
export type SendOutcome =
  | { readonly kind: 'acked'; readonly ack: FlushAck }
  /** `laterEpoch`: the shard's epoch as the hub knows it, where no hub can have kept this frame: each that was asked has refused it. */
  | { readonly kind: 'refused'; readonly reason: HaltReason; readonly laterEpoch?: number }
  | { readonly kind: 'failed'; readonly message: string };

/** Port: takes a sealed frame to the region's hub. Never throws; the bytes are sent as they are. */
export type HubClient = { send(frame: Uint8Array): Promise<SendOutcome> };

/** A hub that has not answered within this will not: the frame is sent again. */
const SEND_TIMEOUT_MS = 10_000;
const FRAME_MEDIA_TYPE = 'application/vnd.edgetally.frame';
/** Longest part of a hub's complaint that is kept. */
const MESSAGE_CHARS = 200;

export type HttpHubOptions = {
  /** Base URLs of the region's hubs, in order of preference. */
  readonly urls: readonly string[];
  /** Signs every attempt anew: `t=<ms>,h=<hex SHA-256(body)>,v1=<hex HMAC-SHA256(key, "<t>.<h>")>`. */
  readonly flushKey: Uint8Array;
  readonly nowMs: () => number;
};

/**
 * A region's hubs. It stays with the hub that answered last, since that one knows the shard's frames best, and tries each of the
 * others once before it reports a failure. A hub that knows the frame otherwise (`frame_conflict`, `stale_epoch`) ends the round.
 */
export class HubRound implements HubClient {
  readonly #urls: readonly string[];
  readonly #post: (url: string, frame: Uint8Array) => Promise<SendOutcome>;
  #preferred = 0;

  /** `post` asks one hub and never throws. */
  constructor(urls: readonly string[], post: (url: string, frame: Uint8Array) => Promise<SendOutcome>) {
    this.#urls = urls;
    this.#post = post;
  }

  async send(frame: Uint8Array): Promise<SendOutcome> {
    const messages: string[] = [];
    for (let i = 0; i < this.#urls.length; i += 1) {
      const index = (this.#preferred + i) % this.#urls.length;
      const outcome = await this.#post(this.#urls[index] ?? '', frame);
      if (outcome.kind !== 'failed') {
        this.#preferred = index;
        return outcome.kind === 'refused' && messages.length > 0 ? { kind: 'refused', reason: outcome.reason } : outcome;
      }
      messages.push(outcome.message);
    }
    return { kind: 'failed', message: messages.join('; ') || 'no hub is configured for this region' };
  }
}

/** A region's hubs over HTTP. */
export class HttpHubClient implements HubClient {
  readonly #options: HttpHubOptions;
  readonly #round: HubRound;
  #key: ReturnType<typeof crypto.subtle.importKey> | undefined;

  constructor(options: HttpHubOptions) {
    this.#options = options;
    this.#round = new HubRound(options.urls, (url, frame) => this.#post(url, frame));
  }

  send(frame: Uint8Array): Promise<SendOutcome> {
    return this.#round.send(frame);
  }

  async #post(url: string, frame: Uint8Array): Promise<SendOutcome> {
    // Not `AbortSignal.timeout`: its timer would keep the object from being evicted long after the reply.
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), SEND_TIMEOUT_MS);
    try {
      const response = await fetch(`${url}/v1/flush`, {
        method: 'POST',
        headers: { 'content-type': FRAME_MEDIA_TYPE, 'x-edgetally-signature': await this.#sign(frame) },
        body: frame as Uint8Array<ArrayBuffer>,
        signal: abort.signal,
      });
      return outcomeOf(response.status, await response.text());
    } catch (cause) {
      return { kind: 'failed', message: `${url}: ${messageOf(cause)}` };
    } finally {
      clearTimeout(timer);
    }
  }

  async #sign(body: Uint8Array): Promise<string> {
    this.#key ??= crypto.subtle.importKey(
      'raw',
      this.#options.flushKey as Uint8Array<ArrayBuffer>,
      { name: 'HMAC', hash: 'SHA-256' },
      false,
      ['sign'],
    );
    const t = this.#options.nowMs();
    const digest = hexOf(new Uint8Array(await crypto.subtle.digest('SHA-256', body as Uint8Array<ArrayBuffer>)));
    const message = new TextEncoder().encode(`${t}.${digest}`);
    return `t=${t},h=${digest},v1=${hexOf(new Uint8Array(await crypto.subtle.sign('HMAC', await this.#key, message)))}`;
  }
}

/** Reads a hub's reply; whatever is neither an ack nor a refusal for good is a failure, to be tried again. */
export function outcomeOf(status: number, body: string): SendOutcome {
  if (status === 200) return ackOutcome(body);
  const { code, epoch } = complaintOf(body);
  if (status === 409 && code === 'stale_epoch' && Number.isSafeInteger(epoch)) return { kind: 'refused', reason: code, laterEpoch: epoch as number };
  if (status === 409 && (code === 'frame_conflict' || code === 'stale_epoch')) return { kind: 'refused', reason: code };
  return { kind: 'failed', message: `status ${status} ${body.slice(0, MESSAGE_CHARS)}` };
}

function ackOutcome(body: string): SendOutcome {
  try {
    return { kind: 'acked', ack: decodeAck(body) };
  } catch (cause) {
    return { kind: 'failed', message: messageOf(cause) };
  }
}

function complaintOf(body: string): { readonly code?: unknown; readonly epoch?: unknown } {
  try {
    return (JSON.parse(body) as object | null) ?? {};
  } catch {
    return {};
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof TrackingError ? `${cause.code}: ${cause.message}` : String(cause);
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
