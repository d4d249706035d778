import { describe, expect, test } from 'vitest';
import { EVENT_KINDS } from '../core/event.ts';
import { MAX_EPOCH_MS } from '../core/time.ts';
import { parseClickBody, parseEvent } from './event-json.ts';
import type { ParsedEvent } from './event-json.ts';
import { realData } from './testing/real-data.ts';

const click = { eventType: 'click', clickId: 'c-1', adId: 'ad-1' };

function parsed(value: unknown): ParsedEvent {
  const result = parseEvent(value);
  if (!result.ok) throw new Error(result.message);
  return result.event;
}
function flaw(value: unknown): string {
  const result = parseEvent(value);
  return result.ok ? 'none' : `${result.code}: ${result.message}`;
}

describe('an event', () => {
  test('is read whole, in both spellings alike', () => {
    const camel = {
      schemaVersion: 1, eventType: 'conversion', conversionId: 'v-1', impressionId: 'i-1', clickId: 'c-1', adId: 'ad-1', campaignId: 'spring', creativeId: 'cr-1',
      publisherId: 'pub-1', placementId: 'top', timestampMs: 1_760_000_000_123, receivedAtMs: 1_760_000_000_456, userPseudoId: 'u 😀', ipHash: 'a+b/c=',
      userAgent: 'Mozilla/5.0', deviceType: 'Mobile', country: 'us', referrer: 'https://news.example/?a=b', bidRequestId: 'bid/1', valueMicros: 5_000_000,
      currency: 'eur', consent: '1YNN', token: 'abc', viewable: false,
    };
    const snake = Object.fromEntries(Object.entries(camel).map(([key, value]) => [key.replaceAll(/[A-Z]/g, (c) => `_${c.toLowerCase()}`), value]));
    const expected: ParsedEvent = {
      kind: EVENT_KINDS.conversion, viewable: false, eventId: 'v-1', impressionId: 'i-1', clickId: 'c-1', adId: 'ad-1', campaignId: 'spring', creativeId: 'cr-1',
      publisherId: 'pub-1', placementId: 'top', timestampMs: 1_760_000_000_123, receivedAtMs: 1_760_000_000_456, userPseudoId: 'u 😀', ipHash: 'a+b/c=',
      userAgent: 'Mozilla/5.0', deviceType: 'mobile', country: 'US', referrer: 'https://news.example/?a=b', bidRequestId: 'bid/1', valueMicros: 5_000_000,
      currency: 'EUR', consent: { usPrivacy: '1YNN' }, token: 'abc', unknownFields: 0,
    };
    expect(parsed(camel)).toEqual(expected);
    expect(parsed(snake)).toEqual(expected);
  });

  test('with one field in two spellings must say the same in both', () => {
    expect(parsed({ ...click, ad_id: 'ad-1' }).adId).toBe('ad-1');
    expect(flaw({ ...click, ad_id: 'ad-2' })).toBe('malformed: adId is given twice, in two spellings');
  });

  test('may carry fields that nobody knows: they are counted and ignored', () => {
    expect(parsed({ ...click, foo: 1, bar: { a: [1] }, Adid: 'x' }).unknownFields).toBe(3);
  });

  test('is not bent by prototype keys', () => {
    const event = parsed(JSON.parse('{"eventType":"click","clickId":"c","adId":"a","__proto__":{"adId":"evil","token":"t"},"constructor":1,"toString":2}'));
    expect(event).toMatchObject({ adId: 'a', token: '', unknownFields: 3 });
    expect(({} as Record<string, unknown>)['adId']).toBeUndefined();
    expect(flaw(JSON.parse('{"__proto__":{"eventType":"click","clickId":"c","adId":"a"}}'))).toContain('eventType must be');
  });

  test.each([null, undefined, 1, 'click', true, [], [click]])('is a JSON object, not %j', (value) => {
    expect(flaw(value)).toBe('malformed: an event must be a JSON object');
  });

  test('leaves nothing behind for the next one', () => {
    parsed({ ...click, userPseudoId: 'u', token: 't', foo: 1 });
    expect(parsed(click)).toMatchObject({ userPseudoId: '', token: '', unknownFields: 0 });
    flaw({});
    expect(parsed(click).clickId).toBe('c-1');
  });
});

describe('the kind', () => {
  test.each([
    ['impression', EVENT_KINDS.impression, false],
    ['viewable', EVENT_KINDS.impression, true],
    ['click', EVENT_KINDS.click, false],
    ['conversion', EVENT_KINDS.conversion, false],
  ])('%s', (eventType, kind, viewable) => {
    expect(parsed({ eventType, eventId: 'e', adId: 'a' })).toMatchObject({ kind, viewable });
  });

  test('of an impression in view may also be told by its flag', () => {
    for (const yes of [true, 1]) expect(parsed({ eventType: 'impression', eventId: 'e', adId: 'a', viewable: yes }).viewable).toBe(true);
    for (const no of [false, 0, null, '']) expect(parsed({ eventType: 'impression', eventId: 'e', adId: 'a', viewable: no }).viewable).toBe(false);
    expect(flaw({ ...click, viewable: 'yes' })).toBe('malformed: viewable must be true or false');
  });

  test.each([undefined, null, 'CLICK', 'install', 2, {}, '${TYPE}'])('is never %j', (eventType) => {
    expect(flaw({ ...click, eventType })).toBe('malformed: eventType must be impression, click, conversion or viewable');
  });
});

describe('the ids', () => {
  test.each([
    [{ eventType: 'click', clickId: 'k', impressionId: 'i' }, { eventId: 'k', clickId: 'k', impressionId: 'i' }],
    [{ eventType: 'click', eventId: 'e', impressionId: 'i' }, { eventId: 'e', clickId: 'e', impressionId: 'i' }],
    [{ eventType: 'click', eventId: 'k', clickId: 'k' }, { eventId: 'k', clickId: 'k', impressionId: '' }],
    [{ eventType: 'click', eventId: 'k', impressionId: 'i', conversionId: 'v' }, { eventId: 'k', clickId: 'k', impressionId: 'i' }],
    [{ eventType: 'impression', impressionId: 'i' }, { eventId: 'i', impressionId: 'i', clickId: '' }],
    [{ eventType: 'impression', eventId: 'e' }, { eventId: 'e', impressionId: 'e', clickId: '' }],
    [{ eventType: 'conversion', conversionId: 'v', clickId: 'k' }, { eventId: 'v', clickId: 'k', impressionId: '' }],
    [{ eventType: 'click', token: 't' }, { eventId: '', clickId: '', impressionId: '' }],
    [{ eventType: 'impression', token: 't' }, { eventId: '', clickId: '', impressionId: '' }],
  ])('of %j are %j', (given, expected) => {
    expect(parsed({ ...given, adId: 'a' })).toMatchObject(expected);
  });

  test.each([
    [{ eventType: 'click', adId: 'a' }, 'clickId or eventId is required, or a token'],
    [{ eventType: 'impression', adId: 'a', clickId: 'k' }, 'impressionId or eventId is required, or a token'],
    [{ eventType: 'conversion', adId: 'a', clickId: 'k' }, 'conversionId or eventId is required'],
    [{ eventType: 'conversion', adId: 'a', token: 't' }, 'conversionId or eventId is required'],
    [{ ...click, eventId: 'e', clickId: 'k' }, 'eventId and clickId are two names for one id, and differ'],
    [{ eventType: 'impression', adId: 'a', eventId: 'e', impressionId: 'i' }, 'eventId and impressionId are two names for one id, and differ'],
    [{ eventType: 'viewable', adId: 'a', eventId: 'e', impressionId: 'i' }, 'eventId and impressionId are two names for one id, and differ'],
    [{ eventType: 'conversion', adId: 'a', eventId: 'e', conversionId: 'v', clickId: 'k' }, 'eventId and conversionId are two names for one id, and differ'],
    [{ eventType: 'click', clickId: 'k' }, 'adId is required'],
    [{ ...click, adId: null }, 'adId is required'],
    [{ ...click, adId: '[AD_ID]' }, 'adId is required'],
    [{ ...click, clickId: '${CLICK_ID}' }, 'clickId or eventId is required, or a token'],
    [{ ...click, adId: 5 }, 'adId must be a string'],
    [{ ...click, adId: 'a b' }, 'adId must be 1 to 64'],
    [{ ...click, adId: 'x'.repeat(65) }, 'adId must be 1 to 64'],
    [{ ...click, clickId: 'x'.repeat(129) }, 'clickId must be 1 to 128'],
    [{ ...click, clickId: 17 }, 'clickId must be a string'],
    [{ ...click, publisherId: {} }, 'publisherId must be a string'],
    [{ ...click, publisherId: 'ü' }, 'publisherId must be 1 to 64'],
    [{ ...click, clickId: 'a\n' }, 'clickId must be 1 to 128'],
    [{ ...click, userPseudoId: 12 }, 'userPseudoId must be a string'],
    [{ ...click, userPseudoId: 'x'.repeat(257) }, 'userPseudoId must be at most 256 printable'],
    [{ ...click, userPseudoId: 'a\u0000b' }, 'userPseudoId must be at most 256 printable'],
    [{ ...click, userPseudoId: '\ud800' }, 'userPseudoId must be at most 256 printable'],
    [{ ...click, token: 7 }, 'token must be a string'],
  ])('%j: %s', (value, message) => {
    expect(flaw(value)).toContain(`malformed: ${message}`);
  });
});

describe('a macro that nobody expanded', () => {
  test.each(['${USER_ID}', '%%USER%%', '[USER_ID]', '{{user_id}}', 'u-${ID}', ''])('%j is an absent value', (macro) => {
    const event = parsed({ ...click, userPseudoId: macro, publisherId: macro, country: macro, deviceType: macro, referrer: macro, timestamp: macro, currency: macro, valueMicros: macro });
    expect(event).toMatchObject({ userPseudoId: '', publisherId: '', country: '', deviceType: undefined, referrer: '', timestampMs: undefined, currency: '', valueMicros: 0 });
  });

  test.each(['a%b', '100%', '[lower]', '[A]B', '$x', '{x}', '%%'])('%j is none', (text) => {
    expect(parsed({ ...click, userPseudoId: text }).userPseudoId).toBe(text);
  });

  test('is looked for in linear time', () => {
    const start = performance.now();
    for (const text of ['${'.repeat(500_000), '%%'.repeat(3) + '%'.repeat(1_000_000), '{{'.repeat(500_000), '[A'.repeat(500_000)]) parseEvent({ ...click, referrer: text, userAgent: text, deviceType: text });
    expect(performance.now() - start).toBeLessThan(500);
  });
});

describe('times', () => {
  test.each([
    ['2026-03-10T12:00:00Z', Date.UTC(2026, 2, 10, 12)],
    ['2026-03-10T12:00:00.123Z', Date.UTC(2026, 2, 10, 12, 0, 0, 123)],
    ['2026-03-10T12:00:00.1239999Z', Date.UTC(2026, 2, 10, 12, 0, 0, 123)],
    ['2026-03-10T12:00:00,5+02:00', Date.UTC(2026, 2, 10, 10, 0, 0, 500)],
    ['2026-03-10 12:00-0530', Date.UTC(2026, 2, 10, 17, 30)],
    ['2024-02-29t00:00:00z', Date.UTC(2024, 1, 29)],
    [0, 0],
    [MAX_EPOCH_MS, MAX_EPOCH_MS],
  ])('timestamp %j is %d', (timestamp, timestampMs) => {
    expect(parsed({ ...click, timestamp }).timestampMs).toBe(timestampMs);
  });

  test.each(['2026-03-10T12:00:00', '2026-03-10', '2026-02-29T00:00:00Z', '2026-13-01T00:00:00Z', '2026-03-10T24:00:00Z', '2026-03-10T12:60:00Z', '2026-03-10T12:00:60Z',
    '2026-03-10T12:00:00+24:00', 'Tue, 10 Mar 2026 12:00:00 GMT', '1760000000000', '1969-12-31T23:59:59Z', '2101-01-01T00:00:00Z', 'now', -1, 0.5, 1e300, MAX_EPOCH_MS + 1, {}, true])(
    'timestamp %j is refused', (timestamp) => {
      expect(flaw({ ...click, timestamp })).toContain('malformed: timestamp must be');
    },
  );

  test('in milliseconds are whole numbers, and win over the other spelling', () => {
    expect(parsed({ ...click, timestampMs: 5, timestamp: '2026-03-10T12:00:00Z' }).timestampMs).toBe(5);
    for (const wrong of ['5', 5.5, -1, MAX_EPOCH_MS + 1, '2026-03-10T12:00:00Z', []]) {
      expect(flaw({ ...click, timestampMs: wrong })).toContain('malformed: timestampMs must be');
      expect(flaw({ ...click, receivedAtMs: wrong })).toContain('malformed: receivedAtMs must be');
    }
    expect(Object.is(parsed({ ...click, timestampMs: JSON.parse('-0') as number }).timestampMs, 0)).toBe(true);
  });

  test('that nobody tells stay open', () => {
    expect(parsed(click)).toMatchObject({ timestampMs: undefined, receivedAtMs: undefined });
  });
});

describe('what is only described', () => {
  test.each([
    ['mobile', 'mobile'], ['PHONE', 'mobile'], ['smartphone', 'mobile'], ['pc', 'desktop'], ['Desktop', 'desktop'], ['TV', 'ctv'], ['tablet', 'tablet'], ['watch', 'other'], [5, 'other'],
    [null, undefined],
  ])('deviceType %j is %s', (deviceType, expected) => {
    expect(parsed({ ...click, deviceType }).deviceType).toBe(expected);
  });

  test.each([['us', 'US'], ['De', 'DE'], ['USA', ''], ['1a', ''], [7, ''], ['', '']])('country %j is %j', (country, expected) => {
    expect(parsed({ ...click, country }).country).toBe(expected);
  });

  test('is cleaned and cut, and never costs the event', () => {
    expect(parsed({ ...click, userAgent: 'a\u0000b\r\nc\u009fd', referrer: 5 })).toMatchObject({ userAgent: 'abcd', referrer: '' });
    expect(parsed({ ...click, userAgent: 'x'.repeat(1_000_000) }).userAgent).toBe('x'.repeat(512));
    expect(parsed({ ...click, userAgent: `${'x'.repeat(511)}😀` }).userAgent).toBe('x'.repeat(511));
    expect(parsed({ ...click, userAgent: `${'x'.repeat(510)}😀y` }).userAgent).toBe(`${'x'.repeat(510)}😀`);
    expect(parsed({ ...click, referrer: 'a\ud800b' }).referrer).toBe('a\ufffdb');
  });

  test.each([[1.5], [-1], [2 ** 53], ['5'], [{}]])('valueMicros is money: %j is refused', (valueMicros) => {
    expect(flaw({ ...click, valueMicros })).toContain('malformed: valueMicros must be');
  });

  test.each(['EURO', 'E1R', '€'])('currency is money: %s is refused', (currency) => {
    expect(flaw({ ...click, currency })).toContain('malformed: currency must be');
  });
});

describe('another schemaVersion', () => {
  test.each([2, 0, 1.5, '1', '2', {}, true])('%j is refused with a code of its own', (schemaVersion) => {
    expect(parseEvent({ ...click, schemaVersion })).toMatchObject({ ok: false, code: 'unsupported_schema' });
  });

  test('is read as ours all the same, and the sender learns what came of it', () => {
    expect(flaw({ ...click, schemaVersion: 2 })).toBe('unsupported_schema: schemaVersion 2 is not supported, only 1; read as 1: it would be accepted');
    expect(flaw({ ...click, schemaVersion: 2, adId: 5 })).toContain('read as 1: adId must be a string');
  });
});

describe('nesting', () => {
  const nested = (levels: number) => JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`) as unknown;
  test('is borne in a field that nobody knows, up to a bound', () => {
    expect(parsed({ ...click, extra: nested(20) }).unknownFields).toBe(1);
    expect(flaw({ ...click, extra: nested(40) })).toContain('malformed: the event nests deeper');
    expect(flaw({ ...click, extra: nested(400_000) })).toContain('malformed: the event nests deeper');
  });

  test('in a known field is a wrong type like any other', () => {
    for (const field of ['adId', 'timestamp', 'userPseudoId', 'token']) expect(flaw({ ...click, [field]: nested(100_000) })).toContain(`malformed: ${field}`);
    expect(parsed({ ...click, consent: nested(100_000) }).consent).toEqual({ optOut: true });
  });
});

describe('POST /v1/click', () => {
  test('calls things by other names', () => {
    const result = parseClickBody({ click_id: 'k', ad_id: 'a', timestamp_ms: 5, device_type: 'phone', country: 'us', user_id: 'u', impression_id: 'i', token: 't' });
    expect(result).toMatchObject({
      ok: true,
      event: { kind: EVENT_KINDS.click, eventId: 'k', clickId: 'k', adId: 'a', timestampMs: 5, deviceType: 'mobile', country: 'US', userPseudoId: 'u', impressionId: 'i', token: 't', unknownFields: 0 },
    });
    expect(parseClickBody({ clickId: 'k', adId: 'a', userId: 'u' })).toMatchObject({ ok: true, event: { userPseudoId: 'u' } });
  });

  test.each([[{}, 'adId is required'], [{ ad_id: 'a' }, 'clickId or eventId'], [{ ad_id: 'a', click_id: 'k', user_id: 5 }, 'userPseudoId must be a string'], [[], 'JSON object'], [null, 'JSON object']])(
    'refuses %j', (body, message) => {
      expect(parseClickBody(body)).toMatchObject({ ok: false, code: 'malformed', message: expect.stringContaining(message) });
    },
  );

  test('leaves user_id unknown on the other route', () => {
    expect(parsed({ ...click, user_id: 'u' })).toMatchObject({ userPseudoId: '', unknownFields: 1 });
  });
});

describe('naughty strings', () => {
  const strings = realData('strings/blns.json');
  test.skipIf(strings === null)('takes every naughty string in every field: an event with clean text, or a message', () => {
    for (const text of JSON.parse(strings!.toString('utf8')) as string[]) {
      for (const field of ['clickId', 'adId', 'publisherId', 'userPseudoId', 'userAgent', 'referrer', 'country', 'deviceType', 'timestamp', 'currency', 'token', 'consent', 'eventType']) {
        const result = parseEvent({ ...click, [field]: text });
        if (result.ok) for (const [key, value] of Object.entries(result.event)) if (typeof value === 'string' && key !== 'token') expect(value.isWellFormed() && !/\p{Cc}/u.test(value), `${key} of ${JSON.stringify(text)}`).toBe(true);
      }
      expect(parsed({ ...click, referrer: text, userAgent: text }).adId).toBe('ad-1');
    }
  });
});
