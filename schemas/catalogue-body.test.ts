import { describe, expect, test } from 'vitest';
import { CLOCK_SKEW_MS, DAY_MS, MAX_LATENESS_MS } from '../core/time.ts';
import { checkReferences, parseCatalogueBody } from './catalogue-body.ts';
import type { CatalogueBody } from './catalogue-body.ts';
import { MAX_TOKEN_TTL_MS } from './token.ts';

const ad = { adId: 'ad-1', campaignId: 'spring', landingUrl: 'https://acme.example/x?c={campaign_id}' };
const nothing: CatalogueBody = { advertisers: [], publishers: [], campaigns: [], ads: [] };

function parsed(value: unknown): CatalogueBody {
  const result = parseCatalogueBody(value);
  if (!result.ok) throw new Error(result.message);
  return result.body;
}

describe('parseCatalogueBody', () => {
  test('fills in every default', () => {
    const body = parsed({
      advertisers: [{ advertiserId: 'acme' }],
      publishers: [{ publisherId: 'pub-1' }],
      campaigns: [{ campaignId: 'spring', advertiserId: 'acme' }],
      ads: [ad],
    });
    expect(body).toEqual({
      advertisers: [{ advertiserId: 'acme', name: 'acme', timezone: 'UTC' }],
      publishers: [{ publisherId: 'pub-1', name: 'pub-1' }],
      campaigns: [
        { campaignId: 'spring', advertiserId: 'acme', name: 'spring', clickWindowMs: 60_000, idempotencyWindowMs: 86_400_000, attributionWindowMs: 1_800_000 },
      ],
      ads: [
        {
          ...ad, creativeId: '', publisherIds: ['*'], format: '', pricing: { model: 'none', micros: 0, currency: 'USD' }, clickIdParam: '', salts: 1,
          homeRegion: '', allowUnsigned: false, status: 'active', activeFromMs: 0, activeToMs: 0,
        },
      ],
    });
  });

  test('takes what GET gave, version and all, and changes nothing', () => {
    const body = parsed({ ads: [ad], campaigns: [{ campaignId: 'spring', advertiserId: 'acme', name: 'Spring' }] });
    expect(parsed({ catalogueVersion: 7, ...body })).toEqual(body);
  });

  test('takes any section alone, and none', () => {
    expect(parsed({ ads: [ad] })).toMatchObject({ ...nothing, ads: [{ adId: 'ad-1' }] });
    expect(parsed({})).toEqual(nothing);
  });

  test('reads a publisher list with * as all, and drops repetitions', () => {
    expect(parsed({ ads: [{ ...ad, publisherIds: ['p', '*'] }] }).ads[0]!.publisherIds).toEqual(['*']);
    expect(parsed({ ads: [{ ...ad, publisherIds: ['p', 'q', 'p'] }] }).ads[0]!.publisherIds).toEqual(['p', 'q']);
  });

  const campaign = { campaignId: 'c', advertiserId: 'a' };
  test.each([
    [null, 'malformed', ''],
    [[], 'malformed', ''],
    ['{}', 'malformed', ''],
    [{ adds: [] }, 'unknown_field', 'adds'],
    [JSON.parse('{"__proto__": {"ads": []}}'), 'unknown_field', '__proto__'],
    [{ ads: {} }, 'malformed', 'ads'],
    [{ ads: [null] }, 'malformed', 'ads[0]'],
    [{ ads: [ad, { ...ad, adId: undefined }] }, 'malformed', 'ads[1].adId'],
    [{ ads: [{ ...ad, adId: 5 }] }, 'malformed', 'ads[0].adId'],
    [{ ads: [{ ...ad, adId: 'x'.repeat(65) }] }, 'malformed', 'ads[0].adId'],
    [{ ads: [{ ...ad, landing_url: 'https://x.example' }] }, 'unknown_field', 'ads[0].landing_url'],
    [{ ads: [{ ...ad, landingUrl: 'javascript:alert(1)' }] }, 'bad_landing_url', 'ads[0].landingUrl'],
    [{ ads: [{ ...ad, landingUrl: '' }] }, 'bad_landing_url', 'ads[0].landingUrl'],
    [{ ads: [{ ...ad, landingUrl: null }] }, 'malformed', 'ads[0].landingUrl'],
    [{ ads: [{ ...ad, publisherIds: [] }] }, 'malformed', 'ads[0].publisherIds'],
    [{ ads: [{ ...ad, publisherIds: ['p', 'a b'] }] }, 'malformed', 'ads[0].publisherIds[1]'],
    [{ ads: [{ ...ad, pricing: { model: 'cpa' } }] }, 'malformed', 'ads[0].pricing.model'],
    [{ ads: [{ ...ad, pricing: { model: 'cpc', micros: 0.5 } }] }, 'malformed', 'ads[0].pricing.micros'],
    [{ ads: [{ ...ad, pricing: { model: 'cpc', micros: -1 } }] }, 'malformed', 'ads[0].pricing.micros'],
    [{ ads: [{ ...ad, pricing: { model: 'cpc', price: 1 } }] }, 'unknown_field', 'ads[0].pricing.price'],
    [{ ads: [{ ...ad, salts: 0 }] }, 'malformed', 'ads[0].salts'],
    [{ ads: [{ ...ad, salts: 65 }] }, 'malformed', 'ads[0].salts'],
    [{ ads: [{ ...ad, clickIdParam: 'a=b' }] }, 'malformed', 'ads[0].clickIdParam'],
    [{ ads: [{ ...ad, status: 'deleted' }] }, 'malformed', 'ads[0].status'],
    [{ ads: [{ ...ad, activeFromMs: 10, activeToMs: 10 }] }, 'malformed', 'ads[0].activeToMs'],
    [{ ads: [ad, ad] }, 'repeated_id', 'ads[1].adId'],
    [{ campaigns: [{ ...campaign, clickWindowMs: -1 }] }, 'malformed', 'campaigns[0].clickWindowMs'],
    [{ campaigns: [{ ...campaign, clickWindowMs: '60000' }] }, 'malformed', 'campaigns[0].clickWindowMs'],
    [{ campaigns: [{ ...campaign, idempotencyWindowMs: DAY_MS - 1 }] }, 'malformed', 'campaigns[0].idempotencyWindowMs'],
    [{ campaigns: [{ ...campaign, idempotencyWindowMs: 7 * DAY_MS + 1 }] }, 'malformed', 'campaigns[0].idempotencyWindowMs'],
    [{ campaigns: [{ ...campaign, attributionWindowMs: 1e300 }] }, 'malformed', 'campaigns[0].attributionWindowMs'],
    [{ advertisers: [{ advertiserId: 'a', timezone: 'Mars/Olympus' }] }, 'malformed', 'advertisers[0].timezone'],
    [{ advertisers: [{ advertiserId: 'a', name: 'x'.repeat(201) }] }, 'malformed', 'advertisers[0].name'],
  ])('refuses %j as %s at %s', (value, code, path) => {
    const result = parseCatalogueBody(value);
    expect(result).toMatchObject({ ok: false, code, path });
    if (!result.ok) expect(result.message).toContain(path === '' ? 'the body' : path);
  });

  test('allows windows of which every one covers a token, its hold and both clocks', () => {
    // forgotten after   idempotencyWindowMs + 24 h + 2 · skew        (a shard's memory)
    // a copy may come   token life + hold + 2 · skew after the first
    const least = 24 * 3_600_000;
    expect(parsed({ campaigns: [{ ...campaign, idempotencyWindowMs: least }] }).campaigns[0]!.idempotencyWindowMs).toBe(least);
    expect(least + DAY_MS + 2 * CLOCK_SKEW_MS).toBeGreaterThanOrEqual(MAX_TOKEN_TTL_MS + MAX_LATENESS_MS + 2 * CLOCK_SKEW_MS);
  });
});

describe('checkReferences', () => {
  const body = parsed({ advertisers: [{ advertiserId: 'acme' }], campaigns: [{ campaignId: 'spring', advertiserId: 'acme' }], ads: [ad] });
  const { advertisers, campaigns } = body;

  test('finds both ends in the body, in the catalogue, or one in each', () => {
    expect(checkReferences(nothing, body)).toBeNull();
    expect(checkReferences({ advertisers, campaigns }, { ...nothing, ads: body.ads })).toBeNull();
    expect(checkReferences({ advertisers, campaigns: [] }, { ...body, advertisers: [] })).toBeNull();
  });

  test('names the first thing that points at nothing', () => {
    expect(checkReferences(nothing, { ...nothing, ads: body.ads })).toMatchObject({ code: 'unknown_reference', path: 'ads[0].campaignId' });
    expect(checkReferences(nothing, { ...body, advertisers: [] })).toMatchObject({ code: 'unknown_reference', path: 'campaigns[0].advertiserId' });
  });
});
