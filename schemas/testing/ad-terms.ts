import type { AdTerms } from '../../core/event.ts';
import { DEFAULT_POLICY } from '../catalogue.ts';

/** Terms of an ad of one campaign, with the default windows and a click price of 0.25. */
export function adTerms(adId: string): AdTerms {
  return { adId, campaignId: 'spring', advertiserId: 'acme', creativeId: 'cr-1', ...DEFAULT_POLICY, pricing: { model: 'cpc', micros: 250_000, currency: 'USD' } };
}
