import type { AdTerms } from '../../core/event.ts';
import { NANOS_PER_MICRO, PRICING_MODELS } from '../../core/money.ts';
import { type ByteReader, corrupt } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';

/** Field list of one ad's terms, in the order in which they are written. */
export const AD_TERMS_FIELDS = [
  'string adId',
  'string campaignId',
  'string advertiserId',
  'string creativeId',
  'varint clickWindowMs',
  'varint idempotencyWindowMs',
  'varint attributionWindowMs',
  'u8 pricing model',
  'varint micros',
  'string currency',
] as const;

/** One byte a field. */
export const MIN_AD_TERMS_BYTES = AD_TERMS_FIELDS.length;
/** A click's cost in nanos stays a whole number. */
const MAX_PRICE_MICROS = Math.floor(Number.MAX_SAFE_INTEGER / NANOS_PER_MICRO);

/** Appends one ad's terms. */
export function writeAdTerms(writer: ByteWriter, terms: AdTerms): void {
  writer.string(terms.adId);
  writer.string(terms.campaignId);
  writer.string(terms.advertiserId);
  writer.string(terms.creativeId);
  writer.varint(terms.clickWindowMs);
  writer.varint(terms.idempotencyWindowMs);
  writer.varint(terms.attributionWindowMs);
  writer.u8(PRICING_MODELS.indexOf(terms.pricing.model));
  writer.varint(terms.pricing.micros);
  writer.string(terms.pricing.currency);
}

/** Reads one ad's terms. */
export function readAdTerms(reader: ByteReader): AdTerms {
  return {
    adId: reader.string(),
    campaignId: reader.string(),
    advertiserId: reader.string(),
    creativeId: reader.string(),
    clickWindowMs: reader.varint(),
    idempotencyWindowMs: reader.varint(),
    attributionWindowMs: reader.varint(),
    pricing: {
      model: PRICING_MODELS[reader.u8()] ?? corrupt('unknown pricing model'),
      micros: reader.below(MAX_PRICE_MICROS, 'price'),
      currency: reader.string(),
    },
  };
}
