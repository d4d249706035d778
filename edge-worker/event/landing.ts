import { fillLandingUrl } from '../../schemas/landing-url.ts';
import type { AdEntry } from '../catalogue/catalogue-view.ts';

/** Where a click on an ad leads: only the catalogue says so; the click merely fills in ids. */
export function landingOf(entry: AdEntry, click: { clickId: string; publisherId: string; placementId: string }): string {
  const { adId, campaignId, creativeId, clickIdParam } = entry.ad;
  return fillLandingUrl(entry.landing, { adId, campaignId, creativeId, clickId: click.clickId, publisherId: click.publisherId, placementId: click.placementId }, clickIdParam);
}
