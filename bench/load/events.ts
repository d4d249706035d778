import { randomBytes } from 'node:crypto';
import { BROWSER } from './wrk.ts';

/** An event as an ad server sends it; ids are 22 characters, as nonces are. */
export type SentEvent = Readonly<Record<string, string | number>>;

const COUNTRIES = ['US', 'DE', 'JP', 'BR', 'IN'];
const AGENTS = [BROWSER, 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1'];

/** Impressions, none of them a repeat: every one counts. */
export function impressions(count: number, options: { readonly ads: number; readonly firstAd?: number }): SentEvent[] {
  const random = randomBytes(count * 24);
  const timestampMs = Date.now();
  return Array.from({ length: count }, (_, i) => ({
    eventType: 'impression',
    impressionId: random.subarray(i * 24, i * 24 + 16).toString('base64url'),
    adId: `ad-${(options.firstAd ?? 0) + (i % options.ads)}`,
    publisherId: 'pub-1',
    placementId: `slot-${i % 8}`,
    timestampMs,
    userPseudoId: random.subarray(i * 24 + 16, i * 24 + 24).toString('hex'),
    userAgent: AGENTS[i % AGENTS.length]!,
    country: COUNTRIES[i % COUNTRIES.length]!,
    deviceType: i % 2 === 0 ? 'desktop' : 'mobile',
  }));
}

/** `items` in runs of `size`. */
export function inRuns<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}

/** Bytes of a JSON value. */
export function jsonBody(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}
