import * as fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { isId } from '../../core/ids.ts';
import { withKey } from '../../edge-worker/fixtures/ask.ts';
import { TestHost } from '../../edge-worker/fixtures/host.ts';
import { encodeEvents } from '../../schemas/event-binary/encode.ts';
import { BINARY_EVENTS_MEDIA_TYPE } from '../../schemas/event-json.ts';
import { ByteWriter } from '../../schemas/wire/byte-writer.ts';

const MIB = 1_048_576;
const EVENTS = Array.from({ length: 12 }, (_, i) => ({
  eventType: i % 2 === 0 ? 'click' : 'impression',
  clickId: `c-${i}`,
  impressionId: `i-${i}`,
  adId: 'ad-1',
  publisherId: 'pub-1',
  placementId: `top-${i % 3}`,
  userPseudoId: `u-${i}`,
  userAgent: 'Mozilla/5.0',
  timestampMs: 1_700_000_000_000 - i,
  country: 'US',
  consent: { usPrivacy: '1YNN' },
}));

let host: TestHost;
beforeAll(async () => {
  host = await TestHost.open();
});

async function send(body: Uint8Array): Promise<{ status: number; text: string }> {
  const reply = await host.fetch('/v1/events', { method: 'POST', body: Buffer.from(body), headers: { ...withKey('ingest'), 'content-type': BINARY_EVENTS_MEDIA_TYPE } });
  return { status: reply.status, text: await reply.text() };
}

describe('a binary body', () => {
  test('damaged, cut or made up is answered as documented, and what gets in is as sound as if JSON had brought it', { timeout: 60_000 }, async () => {
    const whole = encodeEvents(EVENTS);
    expect((await send(whole)).status).toBe(202);
    const damage = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.uint8Array({ maxLength: 300 }).map((tail) => Uint8Array.from([1, ...tail])),
      fc.nat(whole.length - 1).map((length) => whole.slice(0, length)),
      fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }).map((changes) => {
        const copy = whole.slice();
        for (const [at, byte] of changes) copy[at] = byte;
        return copy;
      }),
    );
    await fc.assert(
      fc.asyncProperty(damage, async (body) => {
        host.records.length = 0;
        const { status, text } = await send(body);
        expect([202, 400, 403, 409, 413]).toContain(status);
        expect(text).not.toMatch(/\.ts:\d|Error/);
        for (const { batch } of host.records) {
          for (let i = 0; i < batch.eventCount; i++) {
            const { placementId, publisherId, creativeId } = batch.dimensions(i);
            expect([placementId, publisherId, creativeId].every((id) => id === '' || isId(id))).toBe(true);
          }
        }
      }),
      { numRuns: 3_000 },
    );
    expect(host.logged).toEqual([]);
  });

  test('that claims 2^31 to 2^53 of anything is refused in no time and no memory', async () => {
    const before = process.memoryUsage().rss;
    const started = performance.now();
    for (const count of [1e6, 2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER]) {
      for (const begin of [[1], [1, 0], [1, 1], [1, 0, 1, 1], [1, 1, 1, 65, 1, 1, 1]]) {
        const writer = new ByteWriter(128);
        writer.bytes(Uint8Array.from(begin));
        writer.varint(count);
        writer.bytes(new Uint8Array(64));
        expect([begin, count, (await send(writer.finish())).status]).toEqual([begin, count, 400]);
      }
    }
    expect(performance.now() - started).toBeLessThan(2_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * MIB);
  });

  test('of a megabyte of tiny events, strings or nesting is refused or taken, never choked on', { timeout: 30_000 }, async () => {
    const tiny = new ByteWriter(MIB);
    tiny.bytes(Uint8Array.from([1, 0]));
    tiny.varint(500_000);
    tiny.bytes(new Uint8Array(1_000_000).fill(1));
    const strings = new ByteWriter(MIB);
    strings.u8(1);
    strings.varint(1_000_000);
    strings.bytes(new Uint8Array(1_000_000));
    for (const [body, status] of [[tiny.finish(), 413], [strings.finish(), 400], [withConsent(`${'['.repeat(500_000)}${']'.repeat(500_000)}`), 400], [withConsent(`${'{"a":'.repeat(60)}1${'}'.repeat(60)}`), 202]] as const) {
      const started = performance.now();
      expect((await send(body)).status).toBe(status);
      expect(performance.now() - started).toBeLessThan(200);
    }
    expect(host.logged).toEqual([]);
  });
});

/** An event whose consent is this text, which no honest sender writes. */
function withConsent(json: string): Uint8Array {
  const marker = '{"marker":1}';
  const honest = encodeEvents([{ ...EVENTS[0], clickId: `deep-${json.length}`, consent: { marker: 1 } }]);
  const at = Buffer.from(honest).indexOf(marker);
  const writer = new ByteWriter(honest.length + json.length);
  writer.bytes(honest.slice(0, at - 1));
  writer.string(json);
  writer.bytes(honest.slice(at + marker.length));
  return writer.finish();
}
