/** Whole millionths of a currency unit. */
export type Micros = number;
/**
 * Whole thousandths of a micro. One CPM impression costs `priceMicros` nanos exactly, one CPC click
 * `priceMicros × 1000`: sums stay exact, and the only rounding is the line's.
 */
export type Nanos = number;

export const NANOS_PER_MICRO = 1_000;

export const PRICING_MODELS = ['none', 'cpc', 'cpm'] as const;
export type PricingModel = (typeof PRICING_MODELS)[number];

export type Pricing = { readonly model: PricingModel; readonly micros: Micros; readonly currency: string };

export const FREE: Pricing = { model: 'none', micros: 0, currency: 'USD' };

/** The cost of one billable click. */
export function clickCostNanos(pricing: Pricing): Nanos {
  return pricing.model === 'cpc' ? pricing.micros * NANOS_PER_MICRO : 0;
}

/** The cost of one counted impression; a CPM price is per thousand. */
export function impressionCostNanos(pricing: Pricing): Nanos {
  return pricing.model === 'cpm' ? pricing.micros : 0;
}
