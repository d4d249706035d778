import { mulberry32 } from '../../schemas/testing/mulberry32.ts';

/** One click of a generated history, as `POST /v1/events` takes it from a `replay` key. */
export type HistoricClick = {
  readonly eventType: 'click';
  readonly clickId: string;
  readonly adId: string;
  readonly publisherId: string;
  readonly userPseudoId: string;
  readonly deviceType: string;
  readonly timestampMs: number;
  readonly receivedAtMs: number;
};

/** Shares of the five most clicked ads; the others share the rest evenly. */
const TOP_AD_SHARES = [0.18, 0.13, 0.12, 0.09, 0.09];
const DAY_SECONDS = 86_400;

/**
 * Clicks with the shape of a large mobile click log: whole seconds, about a third as many viewers as clicks with a few of several hundred,
 * five ads with 60 % of the clicks, ten times more clicks in the busiest hour than in the quietest. In order of time; every click arrives
 * within three seconds. The same `seed` gives the same history.
 */
export function mobileClicks(options: { clicks: number; days: number; ads: number; startMs: number; seed: number }): HistoricClick[] {
  const random = mulberry32(options.seed);
  const viewers = Math.max(1, Math.round(options.clicks * 0.35));
  const times = Array.from({ length: options.clicks }, () => secondOfDay(random) + DAY_SECONDS * Math.floor(random() * options.days)).sort((a, b) => a - b);
  return times.map((second, index) => ({
    eventType: 'click',
    clickId: `c${options.seed}-${index}`,
    adId: `app-${drawAd(random, options.ads)}`,
    publisherId: `channel-${Math.floor(random() ** 2 * 160)}`,
    userPseudoId: `ip-${drawViewer(random, viewers)}`,
    deviceType: random() < 0.9 ? 'mobile' : 'tablet',
    timestampMs: options.startMs + second * 1_000,
    receivedAtMs: options.startMs + second * 1_000 + Math.floor(random() * 3_000),
  }));
}

/** The same clicks, each UTC day's in random order of arrival. */
export function shuffledWithinDays(clicks: readonly HistoricClick[], seed: number): HistoricClick[] {
  const random = mulberry32(seed);
  const byDay = Map.groupBy(clicks, ({ timestampMs }) => Math.floor(timestampMs / (DAY_SECONDS * 1_000)));
  return [...byDay.values()].flatMap((day) => shuffle(random, day));
}

/** Busy at midday, quiet at night, by rejection. */
function secondOfDay(random: () => number): number {
  for (;;) {
    const second = Math.floor(random() * DAY_SECONDS);
    const density = 0.55 - 0.45 * Math.cos((2 * Math.PI * second) / DAY_SECONDS);
    if (random() < density) return second;
  }
}

function drawAd(random: () => number, ads: number): number {
  let rest = random();
  for (const [index, share] of TOP_AD_SHARES.entries()) {
    if (rest < share) return index % ads;
    rest -= share;
  }
  return Math.floor(random() * ads);
}

/** Most viewers click a few times, a handful several hundred times. */
function drawViewer(random: () => number, viewers: number): number {
  if (random() < 0.03) return Math.floor(random() ** 4 * 20);
  return 20 + Math.floor(random() ** 1.6 * viewers);
}

function shuffle<Item>(random: () => number, items: readonly Item[]): Item[] {
  const shuffled = [...items];
  for (let index = shuffled.length - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1));
    [shuffled[index], shuffled[other]] = [shuffled[other] as Item, shuffled[index] as Item];
  }
  return shuffled;
}
