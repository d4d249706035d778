/** Milliseconds since 1970-01-01T00:00Z. */
export type EpochMs = number;

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** A claim further ahead than this is a wrong clock; a pixel may trail its click by as much. */
export const CLOCK_SKEW_MS = 2 * MINUTE_MS;
/** Up to here an event is live; beyond, it is a late correction of its bucket. */
export const LIVE_LATENESS_MS = 30 * SECOND_MS;
/** Beyond this an event is held for review. */
export const MAX_LATENESS_MS = DAY_MS;
/** The last instant that we store; ClickHouse's DateTime ends in 2106. */
export const MAX_EPOCH_MS = 4_102_444_800_000;

/** Something that can be asked for the time; only composition roots make one from the system's clock. */
export type Clock = { nowMs(): EpochMs };

/** The time an event is judged by, and whether its own claim was set aside. */
export type EventTime = { readonly eventTimeMs: EpochMs; readonly clockSkewed: boolean };

/** The skew rule: a claim over two minutes in the future gives way to the time of receipt. Source: DESIGN §2. */
export function resolveEventTime(claimedMs: EpochMs, receivedAtMs: EpochMs): EventTime {
  const clockSkewed = claimedMs > receivedAtMs + CLOCK_SKEW_MS;
  return { eventTimeMs: clockSkewed ? receivedAtMs : claimedMs, clockSkewed };
}

export type Lateness = 'live' | 'late' | 'too_late';

/** How late an event reached us: 30 s still counts as live, 24 h as a late correction. */
export function latenessOf(eventTimeMs: EpochMs, receivedAtMs: EpochMs): Lateness {
  const latenessMs = receivedAtMs - eventTimeMs;
  if (latenessMs <= LIVE_LATENESS_MS) return 'live';
  return latenessMs <= MAX_LATENESS_MS ? 'late' : 'too_late';
}

/** Start of the second that `timeMs` lies in. */
export function secondOf(timeMs: EpochMs): number {
  return Math.floor(timeMs / SECOND_MS);
}
