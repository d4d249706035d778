import type { CellDimensions } from '../judgement/judgement.ts';
import type { Nanos } from '../money.ts';

/** One shard's change in one second, for one set of dimensions and one outcome. Counters are signed: corrections subtract as well as add. */
export type DeltaRow = {
  /** Seconds since 1970 of the event's own time. */
  readonly second: number;
  readonly dimensions: CellDimensions;
  readonly kind: number;
  readonly disposition: number;
  readonly reason: number;
  readonly count: number;
  readonly billable: number;
  readonly viewable: number;
  /** How many of `count` came late: the bucket moved by so many. */
  readonly late: number;
  readonly costNanos: Nanos;
  /** Viewer hashes of counted events; null where nobody was known. */
  readonly viewers: ViewerHashes | null;
};

/** Distinct 64-bit viewer hashes of one cell, as [lo, hi] pairs of unsigned halves. */
export type ViewerHashes = Uint32Array;

/** A term of the conservation ledger in one received second. Source: DESIGN §2. */
export type LedgerRow = {
  readonly stage: 'edge' | 'shard';
  readonly region: string;
  readonly receivedSecond: number;
  /** edge: `accepted` or a rejection code. shard: a disposition. */
  readonly term: string;
  readonly count: number;
};
