import type { Row } from './http.ts';

/** Rows of an event, and the last id until then: an event without one does not move it. */
export type StreamedRows = { readonly id: string; readonly rows: readonly Row[] };

export type OpenStream = {
  /** The first `rows` event, from now on, that satisfies; throws when none came `withinMs`. */
  until(satisfies: (event: StreamedRows) => boolean, withinMs: number): Promise<StreamedRows>;
  close(): void;
};

/** Opens `/v1/stream` as a browser's EventSource does. */
export async function readStream(url: string, key: string, lastEventId?: string): Promise<OpenStream> {
  const abort = new AbortController();
  const headers: Record<string, string> = { authorization: `Bearer ${key}`, accept: 'text/event-stream' };
  if (lastEventId !== undefined) headers['last-event-id'] = lastEventId;
  const reply = await fetch(url, { headers, signal: abort.signal });
  if (reply.status !== 200 || reply.body === null) throw new Error(`GET /v1/stream answered ${reply.status}: ${await reply.text()}`);
  // Taken at once: a body that nobody reads yet is cancelled when its response is collected as garbage.
  const events = parseEvents(reply.body.pipeThrough(new TextDecoderStream()));
  return {
    until: async (satisfies, withinMs) => {
      const timer = setTimeout(() => abort.abort(new Error(`no such event within ${withinMs} ms`)), withinMs);
      for (;;) {
        const { value, done } = await events.next();
        if (done) throw new Error('the stream ended');
        if (!satisfies(value)) continue;
        clearTimeout(timer);
        return value;
      }
    },
    close: () => abort.abort(),
  };
}

async function* parseEvents(chunks: ReadableStream<string>): AsyncGenerator<StreamedRows, undefined> {
  let text = '';
  let id = '';
  for await (const chunk of chunks) {
    text += chunk;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const fields = new Map(text.slice(0, end).split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]));
      text = text.slice(end + 2);
      if (fields.get('event') !== 'rows') continue;
      const { rows } = JSON.parse(fields.get('data') ?? '{}') as { rows: Row[] };
      id = fields.get('id') ?? id;
      yield { id, rows };
    }
  }
  return undefined;
}
