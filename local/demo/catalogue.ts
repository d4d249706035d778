/** What the demo advertises: three advertisers in three time zones, each with ads at home in a different region. */
export const DEMO_PUBLISHERS = [
  { publisherId: 'daily-harbour', name: 'The Daily Harbour' },
  { publisherId: 'trailhead', name: 'Trailhead Magazine' },
  { publisherId: 'puzzle-box', name: 'Puzzle Box (app)' },
];

const LANDING = 'https://example.com/landing?c={campaign_id}&a={ad_id}';

/** The body of `PUT /v1/catalogue` for the demo. */
export function demoCatalogue(regions: readonly string[]) {
  const home = (index: number): string => regions[index % regions.length] as string;
  const cpc = (micros: number) => ({ model: 'cpc', micros, currency: 'USD' });
  const cpm = (micros: number) => ({ model: 'cpm', micros, currency: 'EUR' });
  const ad = (adId: string, campaignId: string, creativeId: string, homeRegion: string, pricing: object) => ({
    adId,
    campaignId,
    creativeId,
    homeRegion,
    pricing,
    landingUrl: LANDING,
    publisherIds: ['*'],
    clickIdParam: 'click_id',
    status: 'active',
  });
  return {
    advertisers: [
      { advertiserId: 'northwind', name: 'Northwind Outdoor', timezone: 'America/New_York' },
      { advertiserId: 'lumen', name: 'Lumen Energy', timezone: 'Europe/Berlin' },
      { advertiserId: 'kite', name: 'Kite Games', timezone: 'Asia/Tokyo' },
    ],
    publishers: DEMO_PUBLISHERS,
    campaigns: [
      { campaignId: 'autumn-boots', advertiserId: 'northwind' },
      { campaignId: 'green-tariff', advertiserId: 'lumen' },
      { campaignId: 'sky-puzzle', advertiserId: 'kite', clickWindowMs: 30_000 },
    ],
    ads: [
      ad('boots-banner', 'autumn-boots', 'boots-728x90', home(0), cpc(250_000)),
      ad('boots-video', 'autumn-boots', 'boots-15s', home(0), cpm(9_500_000)),
      ad('tariff-native', 'green-tariff', 'tariff-native-1', home(1), cpc(400_000)),
      ad('puzzle-playable', 'sky-puzzle', 'puzzle-playable-2', home(2), cpc(120_000)),
    ],
  };
}
