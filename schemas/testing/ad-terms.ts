import type { AdTerms } from '../../core/event.ts';
import { DEFAULT_POLICY } from '../catalogue.ts';

/** Terms of an ad of one campaign, with the default windows; the price of a click is in micros. */
export function adTerms(adId: string, micros = 250_000): AdTerms {
  return { adId, campaignId: 'spring', advertiserId: 'acme', creativeId: 'cr-1', ...DEFAULT_POLICY, pricing: { model: 'cpc', micros, currency: 'USD' } };
}
