import type { Clock } from '../../core/time.ts';
import type { PartitionId } from '../log/delta-log.ts';
import type { LandingFence } from './landing-fence.ts';
import type { RangeLimits } from './range-plan.ts';
import type { SinkStore } from './sink-store.ts';
import type { RangeEncoder } from './range-blocks.ts';
import type { FrameName, FrameVerdict } from './watermark.ts';

/** A range that is in the store. */
export type RangeReport = PartitionId & {
  readonly frames: number;
  /** Rows of all tables. */
  readonly rows: number;
  readonly bytes: number;
  /** From the claim to the confirmed insert. */
  readonly elapsedMs: number;
  /** When the oldest frame of the range was sealed by its shard. */
  readonly oldestFrameMs: number;
};

/** A frame that was not inserted. */
export type RefusedFrame = PartitionId & FrameName & { readonly offset: bigint; readonly verdict: FrameVerdict };

/** Where the sink says what it does; counters and logs hang here. Nothing of it may throw. */
export type SinkEvents = {
  rangeStored(report: RangeReport): void;
  /** A repeat: normal after a retry, and counted. */
  frameRepeated(frame: RefusedFrame): void;
  /** A shard's numbers are incomplete until somebody looks: alarm. */
  shardHalted(frame: RefusedFrame): void;
  /** The same range is tried again after `retryInMs`. */
  rangeFailed(failure: PartitionId & { readonly error: unknown; readonly attempts: number; readonly retryInMs: number }): void;
};

/** Everything that the sink of one partition needs. */
export type SinkDeps = {
  readonly store: SinkStore;
  readonly clock: Clock;
  /** Resolves after `delayMs`, or at once when the signal aborts. */
  readonly sleep: (delayMs: number, signal: AbortSignal) => Promise<void>;
  /** In [0, 1). */
  readonly random: () => number;
  readonly events: SinkEvents;
  readonly limits: RangeLimits;
  /** Name of the log in the store: two logs that are not one must not share it. */
  readonly log: string;
  /** A partition under trickle makes at most one range in this time. */
  readonly intervalMs: number;
  /** How many blocks a table may get after a claim before the engine may have forgotten the claim's tokens. */
  readonly safeBlocks: number;
  /** Of the whole process: all partitions fill the same tables. */
  readonly fence: LandingFence;
  /** Lets so many ranges be encoded and inserted at a time: memory and the engine's sessions are shared with queries. */
  readonly gate: Gate;
  readonly encoder: RangeEncoder;
};

/** A counting semaphore. */
export class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(places: number) {
    this.#free = places;
  }

  /** Runs `work` when a place is free; first come, first served. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}
