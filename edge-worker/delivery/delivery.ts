import type { AdTerms, TrackedEvent } from '../../core/event.ts';

/** An accepted event that has no place in a batch yet: `ad` becomes its ad's index there. */
export type DraftEvent = Omit<TrackedEvent, 'ad'> & { ad: number; readonly terms: AdTerms };

/**
 * Who answers for the event while its shard has not: `awaited` has a sender who will hear 503 and send again; `promised`
 * was answered already (a redirect, a pixel), so it must find a way of its own; `overflow` are promised ones that their shard's lane
 * had no room for, which go straight to a spill object.
 */
export type Lane = 'awaited' | 'promised' | 'overflow';

/** What became of a batch. */
export type Delivery =
  /** Durable; one disposition code per event. */
  | { readonly kind: 'judged'; readonly dispositions: Uint8Array }
  /** Durable in a spill object, which will bring it to its shard. */
  | { readonly kind: 'spilled' }
  /** Not sent: the queue was full. */
  | { readonly kind: 'refused' }
  /** Nobody confirmed it; it may have been committed. */
  | { readonly kind: 'failed' };
