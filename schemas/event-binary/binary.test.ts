import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BINARY_EVENTS_MEDIA_TYPE, openBody, type ParsedEventResult } from '../event-json.ts';
import { encodeEvents, type EventToSend } from './encode.ts';
import { BINARY_FIELDS, type FieldForm } from './fields.ts';

/** A whole body at once. */
function parseBody(bytes: Uint8Array, mediaType: string) {
  const body = openBody(bytes, mediaType);
  return body.ok ? { ok: true as const, events: Array.from({ length: body.eventCount }, (): ParsedEventResult => body.next()) } : body;
}
const binary = (events: readonly EventToSend[]) => parseBody(encodeEvents(events), BINARY_EVENTS_MEDIA_TYPE);
const json = (events: readonly EventToSend[]) => parseBody(new TextEncoder().encode(JSON.stringify({ events })), 'application/json');

const click = { eventType: 'click', clickId: 'c-1', adId: 'ad-1' };
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.constantFrom('', 'ad-1', 'spring', '${MACRO}', '[AD]', 'us', 'USD', 'desktop', 'phone', 'a b', 'a\u0007', 'x'.repeat(65), 'x'.repeat(129), 'ü'.repeat(600)),
);
const id = fc.oneof(text, fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('base64url')));
const VALUES: Readonly<Record<FieldForm, fc.Arbitrary<unknown>>> = {
  shared: text,
  id,
  text,
  whole: fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 1_773_100_800_000)),
  flag: fc.constantFrom<unknown>(true, false, 0, 1),
  json: fc.oneof(fc.record({ optOut: fc.boolean(), gpp: fc.constantFrom('', 'DBAA', '?'), gdpr: fc.constantFrom(0, 1) }, { requiredKeys: [] }), fc.constantFrom('1YNN', '1YYN', 'x', '', null)),
};
/** What a field mostly holds, so that most events are accepted; now and then anything that its form can carry. */
const GOOD: Readonly<Record<string, readonly unknown[]>> = {
  adId: ['ad-1', 'ad-2'], timestampMs: [0, 1_773_100_800_000], receivedAtMs: [1_773_100_800_001], valueMicros: [0, 250_000], currency: ['USD', 'eur'], country: ['US', 'de'], deviceType: ['mobile', 'TV'], viewable: [true, 0], consent: ['1YNN', { gdpr: 0 }],
};
const valueOf = (field: string, form: FieldForm) => fc.oneof({ weight: 30, arbitrary: fc.constantFrom(...(GOOD[field] ?? ['a.b-1', 'AAECAwQFBgcICQoLDA0ODw'])) }, { weight: 1, arbitrary: VALUES[form] });
const fields = fc.record(Object.fromEntries(BINARY_FIELDS.map(([field, form]) => [field, field === 'adId' ? valueOf(field, form) : fc.option(valueOf(field, form), { nil: undefined })])));
const event = fc.tuple(fc.constantFrom('impression', 'click', 'conversion', 'viewable'), fields).map(([eventType, given]): EventToSend => ({ ...given, eventType }));

describe('a binary body', () => {
  test('means exactly what the same events mean in JSON', () => {
    let [accepted, refused] = [0, 0];
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 6 }), (events) => {
        const ours = binary(events);
        expect(ours).toEqual(json(events));
        if (!ours.ok) return;
        const good = ours.events.filter(({ ok }) => ok).length;
        accepted += good;
        refused += ours.events.length - good;
      }),
      { numRuns: 500 },
    );
    expect(accepted).toBeGreaterThan(300);
    expect(refused).toBeGreaterThan(100);
  });

  test('accepts a plain event, and says of a bad one what JSON says', () => {
    expect(binary([click, { ...click, adId: 'no id' }])).toEqual(json([click, { ...click, adId: 'no id' }]));
    expect(binary([click])).toMatchObject({ ok: true, events: [{ ok: true, event: { clickId: 'c-1', eventId: 'c-1', adId: 'ad-1' } }] });
  });

  test('loses only the event whose consent is not JSON', () => {
    const bytes = encodeEvents([{ ...click, consent: 'x' }, click]);
    bytes[bytes.indexOf('"'.charCodeAt(0))] = '{'.charCodeAt(0);
    expect(parseBody(bytes, BINARY_EVENTS_MEDIA_TYPE)).toMatchObject({ ok: true, events: [{ ok: false, message: 'consent is not JSON' }, { ok: true }] });
  });

  test('has one to a thousand events', () => {
    expect(binary([])).toMatchObject({ ok: false, status: 400 });
    expect(binary(Array.from({ length: 1_000 }, () => click))).toMatchObject({ ok: true });
    expect(binary(Array.from({ length: 1_001 }, () => click))).toMatchObject({ ok: false, status: 413 });
  });

  test('is refused whole when it is cut, longer or changed into what nobody writes', () => {
    const bytes = encodeEvents([click, { ...click, consent: '1YNN', valueMicros: 2 ** 40 }]);
    for (let length = 0; length < bytes.length; length++) expect(parseBody(bytes.subarray(0, length), BINARY_EVENTS_MEDIA_TYPE)).toMatchObject({ ok: false, status: 400 });
    expect(parseBody(Uint8Array.of(...bytes, 0), BINARY_EVENTS_MEDIA_TYPE)).toMatchObject({ ok: false, status: 400 });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        expect(() => parseBody(noise, BINARY_EVENTS_MEDIA_TYPE)).not.toThrow();
      }),
    );
  });

  test('keeps its layout: the bytes of one event, and the list of fields', () => {
    const nonce = 'AAECAwQFBgcICQoLDA0ODw';
    expect(Buffer.from(encodeEvents([{ ...click, clickId: nonce, timestampMs: 300, viewable: true }])).toString('hex')).toBe(
      // version, dictionary, one event: type, mask, clickId as a nonce, adId, timestampMs, viewable
      ['01', '01', '04', Buffer.from('ad-1').toString('hex'), '01', '02', '92848001', '00', '000102030405060708090a0b0c0d0e0f', '00', 'ac02', '01'].join(''),
    );
    expect(BINARY_FIELDS.map(([field]) => field).join(' ')).toBe(
      'eventId clickId impressionId conversionId adId campaignId creativeId publisherId placementId timestampMs receivedAtMs userPseudoId ipHash userAgent deviceType country referrer bidRequestId valueMicros currency token viewable consent',
    );
  });

  test.each([[{ ...click, colour: 'red' }], [{ ...click, eventType: 'glance' }], [{ ...click, valueMicros: -1 }], [{ ...click, viewable: 'yes' }], [{ ...click, adId: 7 }], [{ ...click, referrer: 'a\ud800b' }]])(
    'its writer refuses what the format cannot say: %j',
    (odd) => {
      expect(() => encodeEvents([odd])).toThrow();
    },
  );
});
