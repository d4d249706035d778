import type { Clock, EpochMs } from '../core/time.ts';

/**
 * One request's own means. Timers and promises of a request die with it in workerd, so whatever waits takes these, never
 * another request's.
 */
export type RequestScope = {
  /** The clock's reading when the request came: its `receivedAtMs`. */
  readonly arrivedAtMs: EpochMs;
  readonly clock: Clock;
  /** Whether another request may resolve a promise of this one (workerd: `handle_cross_request_promise_resolution`). Where not, this one looks for itself. */
  readonly canBeWoken: boolean;
  sleep(durationMs: number): Promise<void>;
  /** Calls `work` after a while, unless the request is over by then. Nobody takes it back: that would cost more than to let it die with its request. */
  after(durationMs: number, work: () => void): void;
  /** Lets `work` outlive the reply, for at most 30 s. `work` must not reject. */
  waitUntil(work: Promise<unknown>): void;
};

/** The objects that decide what counts. */
export type ShardDoor = {
  /**
   * One disposition code per event, in order; durable once it resolves. May have committed although it throws. `batchId`: 8 random bytes in base64url
   * under which the batch is recorded once, however often and whichever way it comes; '' for none.
   */
  record(shard: string, batch: Uint8Array, batchId: string): Promise<Uint8Array>;
};

/** Where a batch goes whose sender was promised that it counts, while its shard cannot take it. */
export type SpillDoor = {
  /** Durable once it resolves. `batchId` as for `record`. */
  hold(shard: string, batch: Uint8Array, batchId: string): Promise<void>;
};

/** Where the hub leaves its signed snapshot. */
export type SnapshotStore = {
  /** The snapshot's text, null while there is none. */
  read(): Promise<string | null>;
};

/** Fills `bytes` with unguessable ones. */
export type RandomBytes = (bytes: Uint8Array) => Uint8Array;
