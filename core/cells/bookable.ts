import type { AdTerms, EdgeTally } from '../event.ts';
import type { Attribution, CellDimensions, Judgement } from '../judgement/judgement.ts';

/** What cells need of a batch of events; strings are numbered, so that a cell is found without hashing any. */
export type BookableBatch = {
  readonly eventCount: number;
  readonly ads: readonly AdTerms[];
  /** Index 0 is ''. */
  readonly strings: readonly string[];
  readonly tallies: readonly EdgeTally[];
  adIndex(i: number): number;
  publisherIndex(i: number): number;
  placementIndex(i: number): number;
  /** 0 = the ad's own creative. */
  creativeIndex(i: number): number;
  country(i: number): string;
  /** A number for each country: making its text costs more than finding its cell. */
  countryCode(i: number): number;
  deviceType(i: number): string;
  eventTimeMs(i: number): number;
  receivedAtMs(i: number): number;
  viewerLo(i: number): number;
  viewerHi(i: number): number;
};

/** A judged batch: as the shard has just decided it, or as it reads it back from its log. */
export type BookableCommit = {
  readonly batch: BookableBatch;
  readonly judgements: readonly Judgement[];
  readonly attributions: readonly Attribution[];
};

/** Which cell, apart from its dimensions. */
export type CellOutcome = { readonly second: number; readonly kind: number; readonly disposition: number; readonly reason: number };

/** What one booking adds to a cell. */
export type CellChange = {
  readonly count: number;
  readonly billable: number;
  readonly viewable: number;
  readonly late: number;
  readonly costNanos: number;
};

/** Everything about one booking that is not a viewer. */
export type Booking = CellOutcome & CellChange & { readonly dimensions: CellDimensions };
