import { TrackingError } from '../../core/errors.ts';

/** Bytes of frames, packed and unpacked, that are in hand at one moment. Beyond it shards are told to come again: they keep their frames. */
export const MAX_BYTES_IN_HAND = 256 * 1_048_576;

/** Keeps memory flat, however many senders come at once. */
export class WorkBudget {
  readonly #maxBytes: number;
  #bytesInHand = 0;

  constructor(maxBytes: number = MAX_BYTES_IN_HAND) {
    this.#maxBytes = maxBytes;
  }

  get bytesInHand(): number {
    return this.#bytesInHand;
  }

  /** Runs `work` while `bytes` are counted as in hand; throws `overloaded`, and runs nothing, where they do not fit. */
  async spend<Result>(bytes: number, work: () => Promise<Result>): Promise<Result> {
    if (this.#bytesInHand > 0 && this.#bytesInHand + bytes > this.#maxBytes) {
      throw new TrackingError('overloaded', 'too many frames at once');
    }
    this.#bytesInHand += bytes;
    try {
      return await work();
    } finally {
      this.#bytesInHand -= bytes;
    }
  }
}
