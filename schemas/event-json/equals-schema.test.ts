import * as fc from 'fast-check';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { DEVICE_TYPES, EVENT_KINDS } from '../../core/event.ts';
import { MAX_EPOCH_MS } from '../../core/time.ts';
import { parseEvent } from '../event-json.ts';

// The same rules as a schema, written from the contract; slow and plain on purpose.
const macro = /\$\{.*?\}|%%.+?%%|\{\{.*?\}\}|^\[[A-Z][A-Z0-9_]*\]$/s;
const absent = (value: unknown) => value === undefined || value === null || value === '' || (typeof value === 'string' && macro.test(value));
const optional = <Rule extends v.GenericSchema>(rule: Rule) => v.union([v.pipe(v.unknown(), v.check(absent), v.transform(() => undefined)), rule]);
const idRule = (max: number) => optional(v.pipe(v.string(), v.regex(/^[\w.:-]+$/), v.maxLength(max)));
const epochRule = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_EPOCH_MS));
const isoRule = v.pipe(v.string(), v.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/), v.check((text) => !Number.isNaN(Date.parse(text))), v.transform((text) => Date.parse(text)), epochRule);
const printable = (max: number) => optional(v.pipe(v.string(), v.maxLength(max), v.check((text) => text.isWellFormed() && !/\p{Cc}/u.test(text))));
type Ids = { readonly eventType: 'impression' | 'viewable' | 'click' | 'conversion'; readonly impressionId?: unknown; readonly clickId?: unknown; readonly conversionId?: unknown };
const ownIdOf = (e: Ids) => ({ impression: e.impressionId, viewable: e.impressionId, click: e.clickId, conversion: e.conversionId })[e.eventType];
const schema = v.pipe(
  v.object({
    eventType: v.picklist(['impression', 'click', 'conversion', 'viewable']),
    eventId: idRule(128), clickId: idRule(128), impressionId: idRule(128), conversionId: idRule(128),
    adId: v.pipe(v.string(), v.regex(/^[\w.:-]{1,64}$/)),
    campaignId: idRule(64), creativeId: idRule(64), publisherId: idRule(64), placementId: idRule(64),
    timestampMs: optional(epochRule), timestamp: optional(v.union([epochRule, isoRule])), receivedAtMs: optional(epochRule),
    userPseudoId: printable(256), bidRequestId: printable(256), ipHash: printable(128),
    valueMicros: optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0))), currency: optional(v.pipe(v.string(), v.regex(/^[a-z]{3}$/i), v.toUpperCase())),
    token: optional(v.string()), viewable: optional(v.union([v.boolean(), v.literal(0), v.literal(1)])), schemaVersion: optional(v.literal(1)),
  }),
  v.check((e) => e.eventId !== undefined || ownIdOf(e) !== undefined || (e.token !== undefined && e.eventType !== 'conversion')),
  v.check((e) => e.eventId === undefined || (ownIdOf(e) ?? e.eventId) === e.eventId),
);

describe('the hand-written parser', () => {
  const junk = fc.constantFrom<unknown>(null, '', 0, -1, 1.5, true, [], {}, '${M}', '[M]', '%%m%%', 'a b', 'ü', 'x'.repeat(64), 'x'.repeat(65), 'x'.repeat(128), 'x'.repeat(129), 'x'.repeat(257), '\ud800', 'a\u0007');
  const mostly = <T>(good: fc.Arbitrary<T>) => fc.option(fc.oneof({ weight: 12, arbitrary: good as fc.Arbitrary<unknown> }, { weight: 1, arbitrary: junk }), { nil: undefined });
  const id = mostly(fc.constantFrom('a', 'ad-1', 'A_b.c:d-9', '0'));
  const time = mostly(fc.oneof(fc.integer({ min: 0, max: MAX_EPOCH_MS }), fc.constantFrom(0, MAX_EPOCH_MS)));
  const iso = fc.date({ min: new Date(0), max: new Date(MAX_EPOCH_MS), noInvalidDate: true }).map((d) => d.toISOString());
  const event = fc.record({
    eventType: fc.oneof({ weight: 15, arbitrary: fc.constantFrom('impression', 'click', 'conversion', 'viewable') as fc.Arbitrary<unknown> }, { weight: 1, arbitrary: junk }),
    eventId: id, clickId: id, impressionId: id, conversionId: id, adId: fc.oneof({ weight: 15, arbitrary: fc.constant<unknown>('ad-1') }, { weight: 1, arbitrary: junk }),
    campaignId: id, creativeId: id, publisherId: id, placementId: id, timestampMs: time, timestamp: mostly(fc.oneof<fc.Arbitrary<unknown>[]>(iso, fc.integer({ min: 0, max: MAX_EPOCH_MS }), fc.constant('2026-03-10'))),
    receivedAtMs: time, userPseudoId: mostly(fc.string({ unit: 'grapheme', maxLength: 20 })), bidRequestId: id, ipHash: id,
    valueMicros: mostly(fc.maxSafeNat()), currency: mostly(fc.constantFrom('USD', 'eur')), token: mostly(fc.constant('tok')), viewable: mostly(fc.boolean()),
    schemaVersion: fc.option(fc.constant(1), { nil: undefined }), country: mostly(fc.constantFrom('us', 'DE', 'xyz')), deviceType: mostly(fc.constantFrom(...DEVICE_TYPES)),
    unheard: fc.option(fc.jsonValue(), { nil: undefined }),
  });
  const snaked = (given: Record<string, unknown>) => Object.fromEntries(Object.entries(given).map(([k, value]) => [k.replaceAll(/[A-Z]/g, (c) => `_${c.toLowerCase()}`), value]));

  test('accepts, refuses and reads exactly what the schema does, in either spelling', () => {
    let [accepted, refused] = [0, 0];
    fc.assert(
      fc.property(event, (given) => {
        const rule = v.safeParse(schema, given);
        const sent = JSON.parse(JSON.stringify(given)) as Record<string, unknown>;
        const ours = parseEvent(sent);
        expect(parseEvent(snaked(sent))).toEqual(ours);
        expect(ours.ok, ours.ok ? '' : ours.message).toBe(rule.success);
        if (!ours.ok || !rule.success) return void refused++;
        accepted++;
        const e = rule.output;
        expect(ours.event).toMatchObject({
          kind: EVENT_KINDS[e.eventType === 'viewable' ? 'impression' : e.eventType], viewable: e.eventType === 'viewable' || e.viewable === true || e.viewable === 1,
          eventId: e.eventId ?? ownIdOf(e) ?? '',
          adId: e.adId, campaignId: e.campaignId ?? '', creativeId: e.creativeId ?? '', publisherId: e.publisherId ?? '', placementId: e.placementId ?? '',
          timestampMs: e.timestampMs ?? e.timestamp, receivedAtMs: e.receivedAtMs, userPseudoId: e.userPseudoId ?? '', bidRequestId: e.bidRequestId ?? '', ipHash: e.ipHash ?? '',
          valueMicros: e.valueMicros ?? 0, currency: e.currency ?? '', token: e.token ?? '', unknownFields: given.unheard === undefined ? 0 : 1,
        });
      }),
      { numRuns: 4_000 },
    );
    expect(accepted).toBeGreaterThan(500);
    expect(refused).toBeGreaterThan(500);
  });

  test('is total: whatever the value, it gives an event or a message', () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.dictionary(fc.constantFrom('eventType', 'adId', 'ad_id', 'clickId', 'timestamp', 'consent', 'viewable', 'x'), fc.anything())), (value) => {
        const result = parseEvent(value);
        if (!result.ok) expect(result.message).not.toBe('');
      }),
      { numRuns: 3_000 },
    );
  });
});
