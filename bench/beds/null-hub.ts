import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DEFAULT_FLUSH_POLICY } from '../../core/flush/policy.ts';
import { encodeAck } from '../../schemas/wire/ack.ts';
import { peekFrameHeader, type FrameHeader } from '../../schemas/wire/frame.ts';

/** What the hub was told: for the ledger that a bench checks itself against. */
export type FrameSeen = { readonly header: FrameHeader; readonly bytes: number };

/**
 * A hub that acknowledges every frame and keeps nothing, so that a bench of edge and shards measures edge and shards. The real one
 * is measured in rows of its own. It also hands out the signed catalogue, as the real one does.
 */
export class NullHub {
  readonly #server = createServer((request, response) => {
    // A shard that is stopped in the middle of a frame breaks off; nobody waits for the answer.
    this.#serve(request, response).catch(() => response.destroy());
  });
  #snapshot = '';
  /** Every frame that came. */
  readonly frames: FrameSeen[] = [];
  /** Each of them whole. */
  readonly keptFrames: Uint8Array[] = [];

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  publish(snapshot: string): void {
    this.#snapshot = snapshot;
  }

  /** Raw events in the frames so far. */
  get eventCount(): number {
    return this.frames.reduce((sum, { header }) => sum + header.rawEvents, 0);
  }

  /** Commits in the frames so far. */
  get rowCount(): number {
    return this.frames.reduce((sum, { header }) => sum + header.lastRow - header.firstRow + 1, 0);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'GET') {
      response.end(this.#snapshot);
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const header = peekFrameHeader(body);
    this.frames.push({ header, bytes: body.length });
    this.keptFrames.push(body);
    response.end(encodeAck({ epoch: header.epoch, ackedSeq: header.seq, policy: DEFAULT_FLUSH_POLICY }));
  }
}
