import type { OracleEvent } from './naive-oracle.ts';

/** A source of numbers in [0, 1). */
export type Draw = () => number;

/** How wild a random day is. Shares are of 1. */
export type Wildness = {
  readonly events: number;
  readonly spanMs: number;
  readonly ads: number;
  readonly viewers: number;
  /** Received times wander this far from the order of arrival. */
  readonly disorderMs: number;
  readonly tokenShare: number;
  /** Distances at which a rule changes its mind (windows): some events are placed exactly there, and 1 ms to either side. */
  readonly edgesMs: readonly number[];
};

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** 2026-03-10T00:00Z. */
const START_MS = 1_773_100_800_000;

/** Impressions and clicks with retries, repeats, latecomers, wrong clocks, orphans and impressions after their click, in order of arrival. */
export function randomEvents(draw: Draw, wildness: Wildness): OracleEvent[] {
  const arrivals: { atMs: number; event: OracleEvent }[] = [];
  const arrive = (atMs: number, event: Omit<OracleEvent, 'receivedAtMs'>) => {
    const receivedAtMs = atMs - pick(draw, wildness.disorderMs);
    arrivals.push({ atMs, event: { ...event, receivedAtMs } });
  };
  for (let number = 0; arrivals.length < wildness.events; number++) {
    const atMs = START_MS + Math.floor((arrivals.length / wildness.events) * wildness.spanMs) + pick(draw, 1_000);
    arriveStory(draw, wildness, number, atMs, arrive);
    if (arrivals.length > 0 && draw() < 0.1) arriveAgain(draw, arrivals, atMs, arrive);
  }
  return arrivals.sort((a, b) => a.atMs - b.atMs).map(({ event }) => event);
}

type Arrive = (atMs: number, event: Omit<OracleEvent, 'receivedAtMs'>) => void;

/** One impression, perhaps its viewable call, perhaps its click. */
function arriveStory(draw: Draw, wildness: Wildness, number: number, atMs: number, arrive: Arrive): void {
  const adId = `ad-${pick(draw, wildness.ads)}`;
  const viewer = draw() < 0.05 ? '' : `v${pick(draw, wildness.viewers)}`;
  const flags = { tokenBound: draw() < wildness.tokenShare, screened: draw() < 0.05 };
  const eventClaimMs = atMs - lateness(draw) + (draw() < 0.02 ? 3 * MINUTE_MS + pick(draw, HOUR_MS) : 0);
  const impression = { kind: 'impression', eventId: `i${number}`, adId, viewer, eventClaimMs, viewable: draw() < 0.3, ...flags } as const;
  if (draw() < 0.95) arrive(atMs, impression);
  if (draw() < 0.4) arrive(atMs + pick(draw, 10_000), { ...impression, viewable: true, eventClaimMs: eventClaimMs + 1_000 - (draw() < 0.1 ? DAY_MS : 0) });
  if (draw() < 0.03) arrive(atMs, { kind: 'conversion', eventId: `v${number}`, adId, viewer, eventClaimMs });
  if (draw() > 0.5) return;
  const impressionId = draw() < 0.9 ? impression.eventId : `none${number}`;
  const clickAtMs = draw() < 0.2 ? atMs - pick(draw, HOUR_MS) : atMs + pick(draw, 20 * MINUTE_MS);
  const click = { kind: 'click', eventId: `c${number}`, adId, viewer, eventClaimMs: eventClaimMs + clickGap(draw, wildness), ...flags } as const;
  arrive(clickAtMs, draw() < 0.1 ? click : { ...click, impressionId });
  if (draw() < 0.3) arrive(clickAtMs, { ...click, eventId: `again${number}`, impressionId, eventClaimMs: click.eventClaimMs + edge(draw, wildness) });
}

/** From an impression to its click: mostly minutes, sometimes before it, sometimes just where a window ends. */
function clickGap(draw: Draw, wildness: Wildness): number {
  const share = draw();
  if (share < 0.6) return 1_000 + pick(draw, 10 * MINUTE_MS);
  if (share < 0.8) return edge(draw, wildness);
  return share < 0.9 ? -pick(draw, 5 * MINUTE_MS) : 25 * MINUTE_MS + pick(draw, 10 * MINUTE_MS);
}

function edge(draw: Draw, wildness: Wildness): number {
  return wildness.edgesMs[pick(draw, wildness.edgesMs.length)]! + pick(draw, 3) - 1;
}

/** The same body once more: at once, or up to two days later. */
function arriveAgain(draw: Draw, arrivals: readonly { event: OracleEvent }[], atMs: number, arrive: Arrive): void {
  const { event } = arrivals[arrivals.length - 1 - pick(draw, Math.min(20, arrivals.length))]!;
  const share = draw();
  arrive(atMs + pick(draw, share < 0.4 ? MINUTE_MS : share < 0.7 ? HOUR_MS : 2 * DAY_MS), event);
}

function lateness(draw: Draw): number {
  const share = draw();
  if (share < 0.75) return pick(draw, 5_000);
  if (share < 0.87) return 31_000 + pick(draw, HOUR_MS);
  if (share < 0.94) return pick(draw, 20 * HOUR_MS);
  if (share < 0.97) return DAY_MS - MINUTE_MS + pick(draw, DAY_MS);
  return -pick(draw, 100_000);
}

function pick(draw: Draw, below: number): number {
  return Math.floor(draw() * below);
}
