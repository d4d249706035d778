import { beforeAll, describe, expect, test } from 'vitest';
import { CALL_SPACING_MS } from '../../edge-worker/delivery/coalescer.ts';
import { mintOne, sending, withKey } from '../../edge-worker/fixtures/ask.ts';
import { TestHost } from '../../edge-worker/fixtures/host.ts';
import { BROWSER, testAd, testSnapshot } from '../../edge-worker/fixtures/network.ts';
import { parseCatalogueBody } from '../../schemas/catalogue-body.ts';
import { generatedPayloads, listedPayloads, thinned } from './testing/payloads.ts';
import { asRegistered, whyItLeaves } from './testing/landing-oracle.ts';

const PLAIN = 'https://shop.example/p/a%20b?q=%E2%9C%93&x=1&x=2#frag';
const MACROS = 'https://shop.example/{publisher_id}/{placement_id}{creative_id}/x.{ad_id}?c={click_id}&p={placement_id}&n=1#{campaign_id}-{click_id}';
const ADS = [
  testAd({ adId: 'plain', landingUrl: PLAIN, allowUnsigned: true }),
  testAd({ adId: 'macros', landingUrl: MACROS, allowUnsigned: true, clickIdParam: '' }),
  testAd({ adId: 'param', landingUrl: PLAIN, allowUnsigned: true, clickIdParam: 'click_id' }),
];
const PARAMETERS = ['url', 'next', 'location', 'redirect_uri', 'click_id', ''];
const HEADERS = ['referer', 'origin', 'x-forwarded-host', 'x-forwarded-proto', 'x-original-url', 'x-rewrite-url', 'forwarded', 'user-agent'];
const FIELDS = ['click_id', 'publisher_id', 'placement_id', 'creative_id', 'country', 'referrer', 'user_id', 'landing_url', 'redirect_url', 'impression_id'];

const payloads = [...listedPayloads(), ...thinned(generatedPayloads(), 2_500)];
let host: TestHost;
/** Over the whole file: cases that were put to the edge, and Locations that it gave. */
const seen = { cases: 0, redirects: 0, astray: [] as string[] };

beforeAll(async () => {
  host = await TestHost.open();
  host.snapshot = testSnapshot({ ads: ADS });
});

/** Puts a case to the edge; a request that HTTP cannot even carry is no case. */
async function put(path: string, init: RequestInit, ad: (typeof ADS)[number]): Promise<number> {
  // Each comes in a moment of his own: calls of the same moment would wait to share one.
  host.nowMs += CALL_SPACING_MS;
  let response: Response;
  try {
    response = await host.fetch(path, init);
  } catch (cause) {
    if (cause instanceof TypeError && /header|URL|ByteString/i.test(`${cause.message}${String(cause.cause ?? '')}`)) return 0;
    throw cause;
  }
  seen.cases++;
  host.records.length = 0;
  const location = response.headers.get('location');
  if (location !== null) {
    seen.redirects++;
    const why = response.status === 302 ? whyItLeaves(location, ad.landingUrl, ad.clickIdParam) : `has status ${response.status}`;
    if (why !== null) seen.astray.push(`${path} ${JSON.stringify(init)} → ${location}: ${why}`);
  }
  return response.status;
}

const person = { headers: { 'user-agent': BROWSER } };

describe('no Location leaves the landing URL that was registered', () => {
  test('whatever stands in the query or after the token', { timeout: 600_000 }, async () => {
    const links = await Promise.all(ADS.map(async (ad) => ({ ad, path: (await mintOne(host, { adId: ad.adId })).clickUrl })));
    for (const [index, payload] of payloads.entries()) {
      const { ad, path } = links[index % links.length]!;
      for (const name of PARAMETERS) {
        for (const text of [payload, encodeURIComponent(payload.toWellFormed())]) await put(`${path}?${name}${name === '' ? '' : '='}${text}`, person, ad);
      }
      for (const forged of [`${path}${payload}`, `${path}/${payload}`, `/v1/c/${payload}`, `/v1/c/${encodeURIComponent(payload.toWellFormed())}`]) await put(forged, person, ad);
    }
  });

  test('whatever the headers say', { timeout: 600_000 }, async () => {
    const links = await Promise.all(ADS.map(async (ad) => ({ ad, path: (await mintOne(host, { adId: ad.adId })).clickUrl })));
    for (const [index, payload] of payloads.entries()) {
      const { ad, path } = links[index % links.length]!;
      await put(path, { headers: Object.fromEntries(HEADERS.map((name) => [name, payload])) }, ad);
    }
  });

  test('whatever a click says of itself in JSON, with a key or without', { timeout: 600_000 }, async () => {
    for (const [index, payload] of payloads.entries()) {
      const ad = ADS[index % ADS.length]!;
      const honest = { click_id: `c-${index}`, ad_id: ad.adId, timestamp_ms: host.nowMs };
      const headers = index % 2 === 0 ? { 'user-agent': BROWSER } : withKey('ingest');
      await put('/v1/click', sending({ ...honest, ...Object.fromEntries(FIELDS.map((name) => [name, payload])) }, headers), ad);
      for (const name of FIELDS) await put('/v1/click', sending({ ...honest, [name]: payload }, headers), ad);
    }
  });

  test('and ids that are allowed cannot climb or break out of the path', async () => {
    const ids = ['..', '.', '...', ':', '..:..', '-', '_', '.:', ':80', 'x'.repeat(64), '.-.'];
    for (const publisherId of ids) {
      for (const placementId of ids) {
        const body = { click_id: '..', ad_id: 'macros', timestamp_ms: host.nowMs, publisher_id: publisherId, placement_id: placementId };
        expect(await put('/v1/click', sending(body, { 'user-agent': BROWSER }), ADS[1]!)).toBe(302);
      }
    }
  });

  test('at least 100 000 cases were put, most of them led to the landing page, none anywhere else', () => {
    console.log(`redirects: ${seen.cases} cases, ${seen.redirects} Locations, ${seen.astray.length} astray`);
    expect(seen.astray.slice(0, 5)).toEqual([]);
    expect(seen.cases).toBeGreaterThan(100_000);
    expect(seen.redirects).toBeGreaterThan(seen.cases / 3);
    expect(host.logged).toEqual([]);
  });
});

describe('a landing URL out of the lists', () => {
  const body = (landingUrl: string) => ({
    campaigns: [{ campaignId: 'c', advertiserId: 'a' }],
    advertisers: [{ advertiserId: 'a' }],
    ads: [{ adId: 'trap', campaignId: 'c', landingUrl, pricing: { model: 'cpc', micros: 1, currency: 'USD' } }],
  });

  test('is refused at registration, or leads people exactly where WHATWG says it points', { timeout: 600_000 }, async () => {
    const counts = { accepted: 0, refused: 0 };
    const offered = [...listedPayloads(), ...generatedPayloads()];
    for (const [index, landingUrl] of offered.entries()) {
      const parsed = parseCatalogueBody(body(landingUrl));
      if (!parsed.ok) {
        counts.refused++;
        continue;
      }
      counts.accepted++;
      const trap = testAd({ adId: `trap-${index}`, landingUrl: parsed.body.ads[0]!.landingUrl, allowUnsigned: true });
      host.snapshot = testSnapshot({ catalogueVersion: index + 2, issuedAtMs: index + 2, ads: [trap] });
      host.nowMs += 10_000;
      const response = await host.fetch('/v1/click', sending({ click_id: 'k', ad_id: trap.adId, timestamp_ms: host.nowMs }, { 'user-agent': BROWSER }));
      const location = response.headers.get('location') ?? '';
      expect([landingUrl, response.status, whyItLeaves(location, asRegistered(landingUrl))]).toEqual([landingUrl, 302, null]);
      if (!/\{[a-z]/.test(landingUrl)) expect(location).toBe(new URL(landingUrl).href);
      host.records.length = 0;
    }
    console.log(`landing URLs: ${offered.length} offered, ${counts.refused} refused, ${counts.accepted} accepted`);
    expect(counts.refused).toBeGreaterThan(offered.length / 2);
    expect(counts.accepted).toBeGreaterThan(100);
  });
});
