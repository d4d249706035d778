import type { EpochMs } from '../time.ts';
import { backoffMs } from './backoff.ts';

/** How one destination has fared lately. */
export type Destination = { readonly name: string; readonly attempts: number; readonly retryAtMs: EpochMs };

/** Whom to try now, and when to look again if that is nobody. */
export type ForwardPlan =
  | { readonly kind: 'idle' }
  | { readonly kind: 'sleep'; readonly wakeAtMs: EpochMs }
  | { readonly kind: 'forward'; readonly names: readonly string[] };

/** Destinations tried at the same time; one that hangs holds up no more than its own line. */
export const MAX_CONCURRENT_DESTINATIONS = 8;

/** What to do for destinations that each have something waiting: those that have waited longest first. */
export function planForward(waiting: readonly Destination[], nowMs: EpochMs): ForwardPlan {
  if (waiting.length === 0) return { kind: 'idle' };
  const inTurn = waiting.toSorted((a, b) => a.retryAtMs - b.retryAtMs || (a.name < b.name ? -1 : 1));
  const due = inTurn.filter((destination) => destination.retryAtMs <= nowMs).slice(0, MAX_CONCURRENT_DESTINATIONS);
  if (due.length > 0) return { kind: 'forward', names: due.map((destination) => destination.name) };
  return { kind: 'sleep', wakeAtMs: inTurn[0]?.retryAtMs ?? nowMs };
}

/** The destination did not take what it was sent: wait, longer each time. `jitter` in [0, 1). */
export function onForwardFailure(destination: Destination, failure: { nowMs: EpochMs; jitter: number }): Destination {
  const attempts = destination.attempts + 1;
  return { ...destination, attempts, retryAtMs: failure.nowMs + backoffMs(attempts, failure.jitter) };
}
