import { Worker } from 'node:worker_threads';
import { TrackingError, type ErrorCode } from '../../core/errors.ts';
import { TOPICS } from '../log/delta-log.ts';
import type { RangeBlocks, RangeEncoder } from '../sink/range-blocks.ts';
import type { OpenedRecord } from '../sink/range-frames.ts';
import type { RangeId } from '../sink/sink-store.ts';

/** What the thread is asked; its answer has the same number. */
export type EncodeRequest = { readonly id: number; readonly log: string; readonly range: RangeId; readonly frames: readonly OpenedRecord[] };
export type EncodeAnswer = { readonly id: number } & ({ readonly encoded: RangeBlocks } | { readonly failure: { readonly code: ErrorCode | null; readonly message: string } });

type Waiter = { readonly resolve: (blocks: RangeBlocks) => void; readonly reject: (reason: unknown) => void };

/**
 * Encodes ranges in a thread of its own, which starts with the first: encoding is most of what the sink computes, and requests need not wait for it.
 * When the thread ends before it has answered, whoever waits gets `unavailable`, and the next range starts another one.
 */
export class WorkerRangeEncoder implements RangeEncoder {
  #worker: Worker | null = null;
  readonly #waiting = new Map<number, Waiter>();
  #asked = 0;

  encode(log: string, range: RangeId, frames: readonly OpenedRecord[]): Promise<RangeBlocks> {
    const worker = (this.#worker ??= this.#start());
    const id = (this.#asked += 1);
    const owned = frames.map(withOwnSection);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      worker.ref();
      worker.postMessage({ id, log, range, frames: owned } satisfies EncodeRequest, owned.map((frame) => sectionOf(frame).buffer as ArrayBuffer));
    });
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(new URL('./range-encoder-thread.ts', import.meta.url));
    let cause: unknown;
    worker.on('message', (answer: EncodeAnswer) => this.#settle(answer));
    worker.on('error', (error) => (cause = error));
    worker.on('exit', () => {
      this.#worker = null;
      for (const { reject } of this.#waiting.values()) reject(new TrackingError('unavailable', 'the encoding thread ended', { cause }));
      this.#waiting.clear();
    });
    return worker;
  }

  #settle(answer: EncodeAnswer): void {
    const waiter = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (this.#waiting.size === 0) this.#worker?.unref();
    if ('encoded' in answer) waiter?.resolve(answer.encoded);
    else waiter?.reject(errorOf(answer.failure));
  }
}

function errorOf({ code, message }: { readonly code: ErrorCode | null; readonly message: string }): Error {
  return code === null ? new Error(message) : new TrackingError(code, message);
}

function sectionOf(frame: OpenedRecord): Uint8Array {
  return frame.topic === TOPICS.deltas ? frame.record.deltas : frame.record.raw;
}

/** A section is a view into whatever the log read; what goes to another thread takes its whole buffer along. */
function withOwnSection(frame: OpenedRecord): OpenedRecord {
  if (frame.topic === TOPICS.deltas) return { ...frame, record: { ...frame.record, deltas: new Uint8Array(frame.record.deltas) } };
  return { ...frame, record: { ...frame.record, raw: new Uint8Array(frame.record.raw) } };
}
