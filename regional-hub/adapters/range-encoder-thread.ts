import { parentPort } from 'node:worker_threads';
import { assert, TrackingError } from '../../core/errors.ts';
import { unpackSection } from '../log/unpack-section.ts';
import { encodeRange } from '../sink/range-blocks.ts';
import type { EncodeAnswer, EncodeRequest } from './worker-range-encoder.ts';

/** The thread of `WorkerRangeEncoder`: it has nobody to give a turn to. */
const PACE = { unpack: unpackSection, turn: async () => undefined };

const port = parentPort;
assert(port !== null, 'this file runs as a thread');
port.on('message', (request: EncodeRequest) => void answerTo(request).then(({ answer, buffers }) => port.postMessage(answer, buffers)));

async function answerTo({ id, log, range, frames }: EncodeRequest): Promise<{ answer: EncodeAnswer; buffers: ArrayBuffer[] }> {
  try {
    const encoded = await encodeRange(log, range, frames, PACE);
    const bodies = encoded.blocks.map(({ chunks }) => inOnePiece(chunks));
    const blocks = encoded.blocks.map((block, i) => ({ ...block, chunks: [bodies[i]!] }));
    return { answer: { id, encoded: { ...encoded, blocks } }, buffers: bodies.map(({ buffer }) => buffer) };
  } catch (error) {
    const code = error instanceof TrackingError ? error.code : null;
    return { answer: { id, failure: { code, message: error instanceof Error ? error.message : String(error) } }, buffers: [] };
  }
}

/** Bytes in a buffer of their own, which changes hands without being copied once more. */
function inOnePiece(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
