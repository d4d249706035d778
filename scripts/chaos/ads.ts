import { call, putCatalogue } from '../../local/testing/http.ts';
import { until, type ReadyFile } from '../../local/testing/running-network.ts';
import { chaosAds, PAGE_CAMPAIGN, PUBLISHER, REPORTED_CAMPAIGN } from './ad-names.ts';

const CATALOGUE_WITHIN_MS = 15_000;

/**
 * Registers what is shown while things break, and gives the publisher's key once every POP honours it. Every viewer of this traffic is a new one, so rule 2 (repeat clicks)
 * has nothing to say.
 */
export async function registerChaosAds(info: ReadyFile): Promise<string> {
  const regions = Object.keys(info.edgeUrls);
  const campaigns = [REPORTED_CAMPAIGN, PAGE_CAMPAIGN];
  await putCatalogue(info, {
    advertisers: [{ advertiserId: 'chaos' }],
    publishers: [{ publisherId: PUBLISHER }],
    campaigns: campaigns.map((campaignId) => ({ campaignId, advertiserId: 'chaos' })),
    ads: campaigns.flatMap((campaignId) => chaosAds(campaignId, regions).map((adId) => ({
      adId,
      campaignId,
      landingUrl: 'https://shop.example/',
      publisherIds: [PUBLISHER],
      pricing: { model: 'cpc', micros: 100_000, currency: 'USD' },
      homeRegion: adId.split('-')[2],
    }))),
  });
  const issued = await call(`${info.hubUrl}/v1/keys`, { key: info.keys.ops, method: 'POST', body: { scopes: [`publisher:${PUBLISHER}`], name: 'chaos' } });
  const { key } = issued.json as { key: string };
  const order = { adId: chaosAds(PAGE_CAMPAIGN, regions)[0], publisherId: PUBLISHER };
  for (const url of Object.values(info.edgeUrls)) {
    const mints = async (): Promise<boolean> => (await call(`${url}/v1/nonces`, { key, method: 'POST', body: order })).status === 200;
    await until(mints, CATALOGUE_WITHIN_MS, () => `${url} does not know the publisher's key`);
  }
  return key;
}
