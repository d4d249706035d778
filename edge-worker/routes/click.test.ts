import { beforeEach, describe, expect, test } from 'vitest';
import { reasonName } from '../../core/disposition.ts';
import { EVENT_FLAGS, EVENT_KINDS } from '../../core/event.ts';
import { mintOne } from '../fixtures/ask.ts';
import { TestHost } from '../fixtures/host.ts';
import { BROWSER, LANDING_URL, testAd, testSnapshot } from '../fixtures/network.ts';

let host: TestHost;
const person = { headers: { 'user-agent': BROWSER } };
beforeEach(async () => {
  host = await TestHost.open();
});

/** The only event that reached a shard. */
function onlyEvent() {
  expect(host.records.map(({ batch }) => batch.eventCount)).toEqual([1]);
  const { shard, batch } = host.records[0]!;
  const event = batch.event(0);
  return { shard, event, terms: batch.terms(0), reason: reasonName(event.screenedReason), tallies: batch.tallies };
}

describe('a person who follows a link', () => {
  test('is sent to the registered URL, byte for byte, and the click is recorded with its tally', async () => {
    const token = await mintOne(host, { placementId: 'top' });
    const response = await host.fetch(token.clickUrl, { ...person, cf: { country: 'DE', asn: 3320 } });
    expect(response.status).toBe(302);
    expect(response.headers.get('location')).toBe(LANDING_URL);
    expect(response.headers.get('cache-control')).toBe('no-store, private');
    const { shard, event, terms, reason, tallies } = onlyEvent();
    expect(shard).toMatch(/^live\.us\.e0\.\d\.0$/);
    expect(reason).toBe('none');
    expect(event).toMatchObject({
      kind: EVENT_KINDS.click,
      eventId: token.impressionId,
      publisherId: 'pub-1',
      placementId: 'top',
      country: 'DE',
      deviceType: 'desktop',
      flags: EVENT_FLAGS.tokenBound,
      eventTimeMs: host.nowMs,
      receivedAtMs: host.nowMs,
      detail: { impressionId: token.impressionId, clickId: token.impressionId, userAgent: BROWSER, ipPrefix: '127.0.0.0/24', pop: 'us' },
    });
    expect(event.viewer).not.toEqual({ lo: 0, hi: 0 });
    expect(terms).toMatchObject({ adId: 'ad-1', campaignId: 'spring', advertiserId: 'acme', clickWindowMs: 60_000 });
    expect(tallies).toEqual([{ region: 'us', receivedSecond: host.nowMs / 1_000, rejection: '', count: 1 }]);
  });

  test('brings the click id along where the ad asks for it; the ad is counted in its home region', async () => {
    const token = await mintOne(host, { adId: 'ad-eu' });
    const response = await host.fetch(token.clickUrl, person);
    expect(response.headers.get('location')).toBe(`https://shop.example/p/a%20b?q=%E2%9C%93&x=1&x=2&click_id=${token.impressionId}#frag`);
    expect(onlyEvent().shard).toMatch(/^live\.eu\./);
    expect(onlyEvent().tallies[0]!.region).toBe('eu');
  });

  test.each(['?url=https://evil.example', '?redirect=//evil.example', '?dest=%0d%0aLocation:%20https://evil.example', '?'])('goes nowhere else, whatever the query says: %s', async (query) => {
    const token = await mintOne(host);
    expect((await host.fetch(token.clickUrl + query, person)).headers.get('location')).toBe(LANDING_URL);
  });

  test('waits no longer than the redirect budget for a shard that hangs; the batch is spilled later', async () => {
    host.record = () => new Promise(() => undefined);
    const token = await mintOne(host);
    const startedAt = performance.now();
    const response = await host.fetch(token.clickUrl, person);
    expect(response.status).toBe(302);
    expect(performance.now() - startedAt).toBeLessThan(500);
    expect(host.edge.counts.unconfirmed).toBe(1);
  });

  test('is sent on at once when the shard throws, and the click goes to a spill object', async () => {
    host.record = () => Promise.reject(new Error('the object was reset'));
    const token = await mintOne(host);
    expect((await host.fetch(token.clickUrl, person)).status).toBe(302);
    await host.settled();
    expect(host.spilled.map(({ shard, batch }) => [shard, batch.eventId(0)])).toEqual([[host.records[0]!.shard, token.impressionId]]);
    expect(host.edge.spill.counts).toEqual({ spilled: 1, lost: 0, parked: 0 });
  });
});

describe('what is no click', () => {
  const cases: [string, RequestInit & { cf?: object }, string][] = [
    ['a HEAD', { ...person, method: 'HEAD' }, 'head'],
    ['a prefetch', { headers: { ...person.headers, 'sec-purpose': 'prefetch;prerender' } }, 'prefetch'],
    ['an old prefetch', { headers: { ...person.headers, 'x-moz': 'prefetch' } }, 'prefetch'],
    ['a declared bot', { headers: { 'user-agent': 'Googlebot/2.1 (+http://www.google.com/bot.html)' } }, 'declared_bot'],
    ['no agent', { headers: { 'user-agent': '' } }, 'impossible_agent'],
    ['a hosting network', { ...person, cf: { asn: 16509 } }, 'data_center'],
    ['a listed block', { headers: { ...person.headers, 'cf-connecting-ip': '198.51.100.7' } }, 'data_center'],
    ['a listed IPv6 block', { headers: { ...person.headers, 'cf-connecting-ip': '2001:db8:dc:1::7' } }, 'data_center'],
  ];
  test.each(cases)('%s redirects and is filtered', async (_name, init, reason) => {
    const token = await mintOne(host);
    const response = await host.fetch(token.clickUrl, init);
    expect([response.status, response.headers.get('location')]).toEqual([302, LANDING_URL]);
    expect(onlyEvent().reason).toBe(reason);
  });

  test('an expired token redirects and is filtered', async () => {
    const token = await mintOne(host, { ttlMs: 1_000 });
    host.nowMs += 1_000;
    expect((await host.fetch(token.clickUrl, person)).headers.get('location')).toBe(LANDING_URL);
    expect(onlyEvent().reason).toBe('expired');
  });

  test('a paused ad, and one out of its window, redirect and are filtered', async () => {
    const token = await mintOne(host, { adId: 'ad-paused' });
    expect((await host.fetch(token.clickUrl, person)).status).toBe(302);
    expect(onlyEvent().reason).toBe('inactive');
  });
});

describe('a link that we did not sign', () => {
  test('leads to a 404 page, never away, and is counted as refused', async () => {
    const token = await mintOne(host);
    const text = token.clickUrl.slice('/v1/c/'.length);
    const forged = [text.slice(0, -1), `${text}A`, `${text}=`, text.toUpperCase(), `${text}/..`, '%00', '..%2f', 'https://evil.example', '', 'A'.repeat(50_000), token.impressionUrl.slice('/v1/i/'.length)];
    for (const path of forged) {
      const response = await host.fetch(`/v1/c/${path}`, person);
      expect([path.slice(0, 30), response.status, response.headers.get('location')]).toEqual([path.slice(0, 30), 404, null]);
      expect(response.headers.get('content-type')).toContain('text/html');
    }
    await host.settled();
    expect(host.records.flatMap(({ batch }) => batch.tallies)).toEqual([{ region: 'us', receivedSecond: host.nowMs / 1_000, rejection: 'bad_token', count: forged.length }]);
  });

  test('so does one whose key was revoked, and one whose ad is gone', async () => {
    const token = await mintOne(host);
    host.snapshot = testSnapshot({ catalogueVersion: 2, ads: [] });
    host.nowMs += 5_000;
    expect((await host.fetch(token.clickUrl, person)).status).toBe(404);
    host.snapshot = testSnapshot({ catalogueVersion: 3, ads: [testAd()], revokedKids: [1] });
    host.nowMs += 5_000;
    expect((await host.fetch(token.clickUrl, person)).status).toBe(404);
  });

  test('POST is no way to click', async () => {
    const token = await mintOne(host);
    expect((await host.fetch(token.clickUrl, { method: 'POST' })).status).toBe(405);
  });
});

describe('privacy', () => {
  test.each([{ 'sec-gpc': '1' }, { dnt: '1' }])('%o', async (header) => {
    const token = await mintOne(host);
    await host.fetch(token.clickUrl, { headers: { ...person.headers, ...header } });
    const { event } = onlyEvent();
    const isPrivate = 'sec-gpc' in header;
    expect(event.viewer.lo === 0 && event.viewer.hi === 0).toBe(isPrivate);
    expect([event.detail.ipPrefix, event.detail.userAgent]).toEqual(isPrivate ? ['', ''] : ['127.0.0.0/24', BROWSER]);
    expect((event.flags & EVENT_FLAGS.private) !== 0).toBe(isPrivate);
  });

  test('a consent string in the query counts', async () => {
    const token = await mintOne(host);
    await host.fetch(`${token.clickUrl}?us_privacy=1YYN`, person);
    expect(onlyEvent().event.viewer).toEqual({ lo: 0, hi: 0 });
  });
});
