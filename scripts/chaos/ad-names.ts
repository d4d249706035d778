export const PUBLISHER = 'chaos-news';
/** Events that servers report are of one campaign, those of pages and persons of another: only the first are acknowledged beyond doubt. */
export const REPORTED_CAMPAIGN = 'chaos-reports';
export const PAGE_CAMPAIGN = 'chaos-pages';

const REPORTED_ADS_PER_REGION = 8;
const PAGE_ADS_PER_REGION = 4;

/** The ads of one campaign, spread over the network's home regions. */
export function chaosAds(campaignId: string, regions: readonly string[]): string[] {
  const count = campaignId === PAGE_CAMPAIGN ? PAGE_ADS_PER_REGION : REPORTED_ADS_PER_REGION;
  return regions.flatMap((region) => Array.from({ length: count }, (_, index) => `${campaignId}-${region}-${index}`));
}

export function isReportedAd(adId: string): boolean {
  return adId.startsWith(REPORTED_CAMPAIGN);
}
