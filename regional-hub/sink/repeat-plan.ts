/** What the store knows of a range that an earlier life claimed and did not finish. */
export type RangePresence = {
  /** Its frames are in `sink_frames`: the last thing written. */
  readonly done: boolean;
  /** Tables that hold rows of it; an insert is whole or not there. */
  readonly landed: ReadonlySet<string>;
  /** Blocks that other ranges have left since it was claimed, in the table of its topic that got most: so far the engine's memory of tokens has moved on. */
  readonly blocksSince: number;
};

/** `finish`: nothing to insert. `insert`: all of it but what is in `skip`. `halt`: only a person can tell what is missing. */
export type RepeatPlan =
  | { readonly kind: 'finish' }
  | { readonly kind: 'insert'; readonly skip: ReadonlySet<string> }
  | { readonly kind: 'halt' };

/**
 * Decides about an unfinished range. While the engine remembers the range's tokens, everything is inserted again: it drops what it has and
 * completes views that a crash left behind. Later, what landed is left out; but where `deltas` landed, nobody knows what its views had.
 */
export function planRepeat(presence: RangePresence, safeBlocks: number): RepeatPlan {
  if (presence.done) return { kind: 'finish' };
  if (presence.blocksSince <= safeBlocks) return { kind: 'insert', skip: NOTHING };
  return presence.landed.has('deltas') ? { kind: 'halt' } : { kind: 'insert', skip: presence.landed };
}

const NOTHING: ReadonlySet<string> = new Set();
