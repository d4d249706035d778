import { connect, type Socket } from 'node:net';

/** Status and headers as they came, before any client understood them. */
export type RawReply = { readonly status: number; readonly head: string; readonly text: string };

const REPLY_MS = 2_000;

/** Sends bytes as they are on a connection of its own and takes what comes until the server closes or falls silent. Status 0: nothing came. */
export async function sendRaw(url: string, bytes: string | Buffer): Promise<RawReply> {
  const socket = open(url);
  const received = await new Promise<string>((resolve) => {
    let text = '';
    socket.setTimeout(REPLY_MS, () => resolve(text));
    socket.on('close', () => resolve(text));
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (text.includes('\r\n\r\n')) resolve(text);
    });
    socket.write(bytes);
  });
  socket.destroy();
  const [head = '', text = ''] = received.split(/\r\n\r\n/, 2);
  return { status: Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1] ?? 0), head, text };
}

/** A connection that never reports an error: whoever attacks expects to be cut off. */
export function open(url: string): Socket {
  const { hostname, port } = new URL(url);
  return connect(Number(port), hostname).on('error', () => undefined);
}

/** The value of a header line; null where there is none, every value where there are several. */
export function headerLines(head: string, name: string): string[] {
  return head.split('\r\n').flatMap((line) => (line.toLowerCase().startsWith(`${name}:`) ? [line.slice(name.length + 1).trim()] : []));
}
