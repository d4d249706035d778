import { gunzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_LANDING_URL_CHARS, fillLandingUrl, parseLandingUrl } from './landing-url.ts';
import type { LandingUrl, LandingValues } from './landing-url.ts';
import { realData } from './testing/real-data.ts';

const values: LandingValues = { campaignId: 'spring', adId: 'ad-1', creativeId: 'cr-1', publisherId: 'pub-1', placementId: '', clickId: 'click-1' };
const HEADER_SAFE = /^[\x21-\x7e]+$/;

function landing(text: string): LandingUrl {
  const parsed = parseLandingUrl(text);
  if (!parsed.ok) throw new Error(`${text}: ${parsed.message}`);
  return parsed.url;
}

/** What must hold of a registered text without macros: it arrives as WHATWG serialises it, and a header can carry it. */
function expectUnharmedOrRefused(text: string): boolean {
  const parsed = parseLandingUrl(text);
  if (!parsed.ok) return false;
  const location = fillLandingUrl(parsed.url, values);
  const registered = new URL(text);
  const arrived = new URL(location);
  expect(location).toMatch(HEADER_SAFE);
  expect(location.length).toBeLessThanOrEqual(MAX_LANDING_URL_CHARS);
  expect(['http:', 'https:']).toContain(arrived.protocol);
  expect([arrived.username, arrived.password]).toEqual(['', '']);
  expect(arrived.origin).toBe(registered.origin);
  if (!/\{[a-z][a-z0-9_]*\}/.test(text)) expect(location).toBe(registered.href);
  return true;
}

describe('a landing URL', () => {
  test.each([
    ['https://shop.example/p/a%20b?q=%E2%9C%93&x=1&x=2#frag', 'https://shop.example/p/a%20b?q=%E2%9C%93&x=1&x=2#frag'],
    ['https://shop.example', 'https://shop.example/'],
    ['HTTPS://Shop.Example:443/A', 'https://shop.example/A'],
    ['http://[2001:DB8::1]:8080/x', 'http://[2001:db8::1]:8080/x'],
    ['https://münchen.example/straße?ä=ö#ü', 'https://xn--mnchen-3ya.example/stra%C3%9Fe?%C3%A4=%C3%B6#%C3%BC'],
    ['https://shop.example/?a=b&&c=&d&=e+f%20g', 'https://shop.example/?a=b&&c=&d&=e+f%20g'],
    ['https://shop.example/?next=https://other.example/?x=1', 'https://shop.example/?next=https://other.example/?x=1'],
    ['https://shop.example/%7Bad_id%7D', 'https://shop.example/%7Bad_id%7D'],
  ])('%s leads to %s', (text, location) => {
    expect(fillLandingUrl(landing(text), values)).toBe(location);
    expect(landing(text).href).toBe(location);
  });

  test.each([
    ['', 'begin with http'],
    ['/relative', 'begin with http'],
    ['//evil.example', 'begin with http'],
    ['https:evil.example', 'begin with http'],
    ['https:/evil.example', 'begin with http'],
    ['https:///evil.example', 'begin with http'],
    ['https://', 'begin with http'],
    ['https://?x', 'begin with http'],
    ['javascript:alert(1)', 'begin with http'],
    ['data:text/html,x', 'begin with http'],
    ['file:///etc/passwd', 'begin with http'],
    ['ftp://files.example/', 'begin with http'],
    ['javascript://shop.example/%0aalert(1)', 'begin with http'],
    ['https://user:pw@shop.example/', 'user name'],
    ['https://@shop.example/', 'user name'],
    ['https://shop.example%2f@evil.example/', 'user name'],
    ['https:\\\\evil.example@ok.example', 'backslash'],
    ['https://shop.example\\.evil.example', 'backslash'],
    ['https://shop.example/a\\b', 'backslash'],
    ['https://shop.example/\r\nX: y', 'white space'],
    ['https://shop.example/\tx', 'white space'],
    [' https://shop.example/', 'white space'],
    ['https://shop.example/ ', 'white space'],
    ['https://shop.example/a b', 'white space'],
    ['https://shop.example/\u00a0', 'white space'],
    ['https://shop.example/\u0000', 'white space'],
    ['https://shop.example/\u202egpj', 'white space'],
    ['https://shop.example/\ud800', 'white space'],
    ['https://shop.example:99999/', 'valid URL'],
    ['https://[::1/', 'valid URL'],
    ["https://sh'op.example/", 'host'],
    ['https://shop.example%00.evil.example/', 'escape before the path'],
    [`https://${'a'.repeat(3_000)}.example`, 'longer than'],
    [`https://shop.example/${'ü'.repeat(400)}`, 'percent-encoded'],
  ])('is refused: %j', (text, message) => {
    expect(parseLandingUrl(text)).toEqual({ ok: false, message: expect.stringContaining(message) });
  });

  test('may have exactly 2 048 characters', () => {
    const text = `https://shop.example/${'a'.repeat(MAX_LANDING_URL_CHARS - 21)}`;
    expect(landing(text).href).toHaveLength(MAX_LANDING_URL_CHARS);
    expect(parseLandingUrl(`${text}a`).ok).toBe(false);
  });
});

describe('macros', () => {
  test('are filled in path, query and fragment, percent-encoded, and nothing else changes', () => {
    const url = landing('https://shop.example/{campaign_id}/{publisher_id}/a%2Fb?c={click_id}&a={ad_id}&a=2#{creative_id}');
    const awkward = { ...values, campaignId: 'a:b', publisherId: "x/y?z#'", clickId: 'k&v=\r\n%00\ud800', creativeId: 'ü<>"' };
    expect(fillLandingUrl(url, awkward)).toBe(
      'https://shop.example/a%3Ab/x%2Fy%3Fz%23%27/a%2Fb?c=k%26v%3D%0D%0A%2500%EF%BF%BD&a=ad-1&a=2#%C3%BC%3C%3E%22',
    );
    expect(url.href).toBe('https://shop.example/{campaign_id}/{publisher_id}/a%2Fb?c={click_id}&a={ad_id}&a=2#{creative_id}');
  });

  test('that have no value leave nothing', () => {
    expect(fillLandingUrl(landing('https://shop.example/?p={placement_id}&x=1'), values)).toBe('https://shop.example/?p=&x=1');
  });

  test.each([
    ['https://{ad_id}.evil.example/', 'in its host'],
    ['https://shop.example:{ad_id}/', 'in its host'],
    ['{click_id}://shop.example/', 'begin with http'],
    ['https://{publisher_id}/', 'in its host'],
    ['https://shop.example/{ad_id}/../x', 'removes'],
    ['https://shop.example/.{ad_id}/x', 'climb'],
    ['https://shop.example/{ad_id}./x', 'climb'],
    ['https://shop.example/%2e{ad_id}', 'climb'],
    ['https://shop.example/%{ad_id}', 'percent-escape'],
    ['https://shop.example/%2{ad_id}', 'percent-escape'],
    ['https://shop.example/?x=%{ad_id}', 'percent-escape'],
    ['https://shop.example/#%0{ad_id}', 'percent-escape'],
    ['https://shop.example/?c={campain_id}', 'unknown macro {campain_id}'],
  ])('that could lead astray are refused: %s', (text, message) => {
    expect(parseLandingUrl(text)).toEqual({ ok: false, message: expect.stringContaining(message) });
  });

  test('cannot be confused with text that looks like what stands in for them', () => {
    const url = landing('https://z0q.example/z0q1z0q/{ad_id}?Z1Q={click_id}');
    expect(fillLandingUrl(url, values)).toBe('https://z0q.example/z0q1z0q/ad-1?Z1Q=click-1');
  });

  const anyValue = fc.oneof(fc.string({ unit: 'binary', maxLength: 12 }), fc.constantFrom('', '.', '..', '...', '%2e%2e', '//evil.example', '\r\nLocation: x', '\ud83d'));
  const piece = fc.constantFrom('{campaign_id}', '{ad_id}', '{creative_id}', '{publisher_id}', '{placement_id}', '{click_id}', 'a', '/', '/b/', '%20', '=', '&', '-');
  const part = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''));

  test('never move a click off its origin nor up its path, whatever the values', () => {
    const template = fc.tuple(part, part, part).map(([path, query, fragment]) => `https://shop.example/r/${path}?${query}#${fragment}`);
    const record = fc.record({ campaignId: anyValue, adId: anyValue, creativeId: anyValue, publisherId: anyValue, placementId: anyValue, clickId: anyValue });
    fc.assert(
      fc.property(template, record, fc.constantFrom('', 'cid', 'click_id'), (text, given, parameter) => {
        const parsed = parseLandingUrl(text);
        if (!parsed.ok) return;
        const location = fillLandingUrl(parsed.url, given, parameter);
        expect(location).toMatch(HEADER_SAFE);
        const url = new URL(location);
        expect(url.href).toBe(location);
        expect(url.origin).toBe('https://shop.example');
        expect(url.pathname.startsWith('/r/')).toBe(true);
        expect(url.pathname.split('/').length).toBe(text.split('?')[0]!.split('/').length - 2);
        if (parameter !== '' && given.clickId !== '') expect(url.searchParams.getAll(parameter).at(-1)).toBe(given.clickId.toWellFormed());
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('the click id parameter', () => {
  test.each([
    ['https://shop.example', 'https://shop.example/?click_id=click-1'],
    ['https://shop.example/?', 'https://shop.example/?click_id=click-1'],
    ['https://shop.example/?a=1', 'https://shop.example/?a=1&click_id=click-1'],
    ['https://shop.example/?a=1&', 'https://shop.example/?a=1&click_id=click-1'],
    ['https://shop.example/?a=1#f?g', 'https://shop.example/?a=1&click_id=click-1#f?g'],
    ['https://shop.example/#f?g', 'https://shop.example/?click_id=click-1#f?g'],
    ['https://shop.example/?click_id=old', 'https://shop.example/?click_id=old&click_id=click-1'],
    ['https://shop.example/{ad_id}', 'https://shop.example/ad-1?click_id=click-1'],
    ['https://shop.example/{ad_id}?{ad_id}', 'https://shop.example/ad-1?ad-1&click_id=click-1'],
  ])('of %s comes last in the query', (text, location) => {
    expect(fillLandingUrl(landing(text), values, 'click_id')).toBe(location);
  });

  test('stays away when the click has no id', () => {
    expect(fillLandingUrl(landing('https://shop.example'), { ...values, clickId: '' }, 'click_id')).toBe('https://shop.example/');
  });
});

describe('public lists', () => {
  const urls = realData('url/urltestdata.json.gz');
  test.skipIf(urls === null)('every case of the WHATWG URL tests arrives unharmed or is refused', () => {
    const cases = (JSON.parse(gunzipSync(urls!).toString('utf8')) as unknown[]).filter((item) => typeof item === 'object') as { input: string }[];
    const accepted = cases.filter(({ input }) => expectUnharmedOrRefused(input)).length;
    console.log(`WHATWG URL tests: ${accepted} of ${cases.length} accepted unharmed, the others refused`);
    expect(accepted).toBeGreaterThan(20);
  });

  test.each(['redirect/payloadbox_payloads.txt', 'redirect/patt_openredirects.txt'])('every line of %s, alone and in a parameter, arrives unharmed or is refused', (name) => {
    const file = realData(name);
    if (file === null) return;
    for (const line of file.toString('utf8').split('\n')) {
      expectUnharmedOrRefused(line);
      expectUnharmedOrRefused(`https:${line}`);
      const accepted = expectUnharmedOrRefused(`https://shop.example${line}`);
      if (accepted) expect(new URL(fillLandingUrl(landing(`https://shop.example${line}`), values)).href).toBe(new URL(`https://shop.example${line}`).href);
      const asValue = fillLandingUrl(landing('https://shop.example/r?to={click_id}'), { ...values, clickId: line });
      expect(new URL(asValue).origin).toBe('https://shop.example');
      expect(asValue).toMatch(HEADER_SAFE);
    }
  });
});
