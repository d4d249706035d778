/** Agents of the demo's visitors, by rough share of the open web. */
const BROWSERS: readonly string[] = [
  'Mozilla/5.0 (Linux; Android 15; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15',
  'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  'Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1',
];

const BOTS: readonly string[] = [
  'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
  'Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)',
  'facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)',
  'curl/8.5.0',
];

/** Chance, as the demo draws it: uniform in [0, 1). */
export type Random = () => number;

export type Visit = {
  readonly viewer: string;
  readonly agent: string;
  readonly adId: string;
  readonly publisherId: string;
  readonly clicks: boolean;
  /** The same link again at once: an impatient finger or a retrying client. */
  readonly clicksTwice: boolean;
  readonly viewable: boolean;
  readonly prefetches: boolean;
};

const BOT_SHARE = 0.08;
const CLICK_RATE = 0.12;
const VIEWERS = 5_000;

/** One visitor's whole behaviour, drawn at once. */
export function drawVisit(random: Random, adIds: readonly string[], publisherIds: readonly string[]): Visit {
  const isBot = random() < BOT_SHARE;
  const clicks = isBot || random() < CLICK_RATE;
  return {
    viewer: `viewer-${Math.floor(random() ** 2 * VIEWERS)}`,
    agent: isBot ? pick(random, BOTS) : pick(random, BROWSERS),
    adId: pick(random, adIds),
    publisherId: pick(random, publisherIds),
    clicks,
    clicksTwice: clicks && random() < 0.1,
    viewable: random() < 0.6,
    prefetches: clicks && random() < 0.05,
  };
}

function pick<Item>(random: Random, items: readonly Item[]): Item {
  return items[Math.floor(random() * items.length)] as Item;
}
