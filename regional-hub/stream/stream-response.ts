import { RequestError } from '../http/request-error.ts';
import type { StreamEvent } from './stream.ts';

/** Readers at a time; each holds a connection and asks the store twice a second at most. */
export const STREAMS_MAX = 200;

/** The open streams of this hub: bounded in number, and ended together when the hub stops. */
export class OpenStreams {
  readonly #max: number;
  readonly #open = new Set<AbortController>();

  constructor(max = STREAMS_MAX) {
    this.#max = max;
  }

  /** A `text/event-stream` of the events; they are made as fast as the reader takes them. Throws `RequestError` 503 past the bound. */
  respond(makeEvents: (signal: AbortSignal) => AsyncGenerator<StreamEvent, void>): Response {
    if (this.#open.size >= this.#max) throw new RequestError(503, 'overloaded', 'too many streams are open; try again shortly');
    const controller = new AbortController();
    this.#open.add(controller);
    const events = makeEvents(controller.signal);
    const close = () => {
      this.#open.delete(controller);
      controller.abort();
    };
    const body = bodyOf(events, close);
    const headers = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store', 'x-accel-buffering': 'no' };
    return new Response(body, { headers });
  }

  /** How many are open. */
  get size(): number {
    return this.#open.size;
  }

  /** Ends all of them. */
  endAll(): void {
    for (const controller of this.#open) controller.abort();
  }
}

/** One event as `text/event-stream` writes it; without an id its reader keeps the one before. */
export function eventText(event: StreamEvent): string {
  if (event.kind === 'heartbeat') return ': still here\n\n';
  const id = event.id === null ? '' : `id: ${event.id}\n`;
  return `event: rows\n${id}data: ${JSON.stringify(event.reply)}\n\n`;
}

/** The id that a reconnecting reader gives back; null when it has none, or none of ours. */
export function parseLastEventId(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

function bodyOf(events: AsyncGenerator<StreamEvent, void>, close: () => void): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await events.next();
        if (!done) return controller.enqueue(encoder.encode(eventText(value)));
        close();
        controller.close();
      } catch (error) {
        // The store failed: end the stream, and the reader resumes from its last id.
        close();
        controller.error(error);
      }
    },
    async cancel() {
      close();
      // A reader that takes its events slowly leaves between two of them: whoever makes them must hear of it.
      await events.return(undefined);
    },
  });
}
