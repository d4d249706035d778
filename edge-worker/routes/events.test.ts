import { createHmac } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, test } from 'vitest';
import { DISPOSITIONS, reasonName } from '../../core/disposition.ts';
import { EVENT_FLAGS } from '../../core/event.ts';
import { encodeEvents } from '../../schemas/event-binary/encode.ts';
import { mintOne, sending, withKey } from '../fixtures/ask.ts';
import { TestHost } from '../fixtures/host.ts';
import { BROWSER, SIGNING_SECRET } from '../fixtures/network.ts';

let host: TestHost;
beforeEach(async () => {
  host = await TestHost.open();
});

const impression = (over: Record<string, unknown> = {}) => ({ eventType: 'impression', impressionId: 'i-1', adId: 'ad-1', ...over });
const send = (body: unknown, headers: Record<string, string> = withKey('ingest')) => host.fetch('/v1/events', sending(body, headers));
const answer = async (response: Response) => [response.status, (await response.json()) as Record<string, unknown>] as const;
const events = () => host.records.flatMap(({ batch }) => Array.from({ length: batch.eventCount }, (_, i) => batch.event(i)));

describe('what a keyed sender is told', () => {
  test('202 with what was received, accepted and rejected; the good ones count', async () => {
    const batch = [impression(), { eventType: 'nonsense' }, impression({ impressionId: 'i-2', adId: 'ad-unknown' }), impression({ impressionId: 'i-3', campaignId: 'autumn' }), 7];
    const [status, reply] = await answer(await send({ events: batch }));
    expect(status).toBe(202);
    expect(reply).toMatchObject({ received: 5, accepted: 1, duplicates: 0 });
    expect((reply.rejected as { index: number; code: string }[]).map(({ index, code }) => [index, code])).toEqual([
      [1, 'malformed'],
      [2, 'unknown_ad'],
      [3, 'campaign_mismatch'],
      [4, 'malformed'],
    ]);
    expect(events().map(({ eventId }) => eventId)).toEqual(['i-1']);
    await host.settled();
    const tallies = host.records.flatMap(({ batch: { tallies: rows } }) => rows).map(({ region, rejection, count }) => [region, rejection, count]);
    expect(tallies).toEqual([['us', '', 1], ['us', 'malformed', 2], ['us', 'unknown_ad', 1], ['us', 'campaign_mismatch', 1]]);
  });

  test('the same for binary events as for JSON', async () => {
    const batch = [impression({ userPseudoId: 'u-1', country: 'DE' }), impression({ impressionId: 'i-2', adId: 'ad-unknown' }), { eventType: 'click', clickId: 'c-1', impressionId: 'i-1', adId: 'ad-1' }];
    const asJson = await answer(await send({ events: batch }));
    const headers = { ...withKey('ingest'), 'content-type': 'application/vnd.edgetally.events' };
    const asBinary = await answer(await host.fetch('/v1/events', { method: 'POST', headers, body: encodeEvents(batch) }));
    expect(asBinary).toEqual(asJson);
    const [first, second] = [events().slice(0, 2), events().slice(2)].map((sent) => sent.map((event) => ({ ...event, receivedAtMs: 0, eventTimeMs: 0, detail: { ...event.detail, claimedTimeMs: 0 } })));
    expect(second).toEqual(first);
  });

  test('how many fields we did not know, where there were some', async () => {
    expect(await answer(await send({ events: [impression({ colour: 'red', nonsense: 1 }), impression({ impressionId: 'i-2', size: 2 })] }))).toMatchObject([202, { accepted: 2, unknownFields: 3 }]);
    expect((await answer(await send(impression({ impressionId: 'i-3' }))))[1]).not.toHaveProperty('unknownFields');
  });

  test('409 for a lone duplicate, 202 for a duplicate among others', async () => {
    host.record = async (_shard, batch) => new Uint8Array(batch.eventCount).fill(DISPOSITIONS.duplicate);
    expect(await answer(await send(impression()))).toMatchObject([409, { code: 'duplicate' }]);
    expect(await answer(await send({ events: [impression(), impression()] }))).toMatchObject([202, { received: 2, accepted: 2, duplicates: 2, rejected: [] }]);
  });

  test('202 with nothing accepted for a lone event that was readable but unknown', async () => {
    expect(await answer(await send(impression({ adId: 'ad-unknown' })))).toMatchObject([202, { received: 1, accepted: 0, rejected: [{ index: 0, code: 'unknown_ad' }] }]);
  });

  test.each(['', 'nonsense', '[]', '"x"', '{"events":[]}', '{"events":[1,"x"]}', '{"eventType":"click"}'])('400 for %j, in which nothing is readable', async (body) => {
    expect(await answer(await send(body))).toMatchObject([400, { code: 'malformed' }]);
    expect(events()).toEqual([]);
  });

  test('503 with Retry-After, and nothing acknowledged, when one of its shards fails', async () => {
    host.record = async (shard, batch) => {
      if (shard.includes('.eu.')) throw new Error('overloaded');
      return new Uint8Array(batch.eventCount).fill(DISPOSITIONS.counted);
    };
    const response = await send({ events: [impression(), impression({ impressionId: 'i-2', adId: 'ad-eu' })] });
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
    await host.settled();
    expect(host.spilled).toEqual([]);
  });

  test('413 for too much, before and after gunzip, and for a claim of too much', async () => {
    const big = 'x'.repeat(1_048_577);
    expect((await send(big)).status).toBe(413);
    expect((await host.fetch('/v1/events', { method: 'POST', body: gzipSync(big), headers: { ...withKey('ingest'), 'content-encoding': 'gzip' } })).status).toBe(413);
    expect((await send({ events: Array.from({ length: 1_001 }, () => impression()) })).status).toBe(413);
    expect((await host.fetch('/v1/events', { method: 'POST', body: 'not gzip', headers: { ...withKey('ingest'), 'content-encoding': 'gzip' } })).status).toBe(400);
    expect((await host.fetch('/v1/events', { method: 'POST', body: 'x', headers: { ...withKey('ingest'), 'content-encoding': 'br' } })).status).toBe(400);
  });

  test('events of one shard keep their order in one call, whatever lies between them', async () => {
    const batch = Array.from({ length: 600 }, (_, i) => impression({ impressionId: `i-${i}`, adId: i % 3 === 0 ? 'ad-eu' : 'ad-1' }));
    expect(await answer(await send({ events: batch }))).toMatchObject([202, { received: 600, accepted: 600 }]);
    expect(host.records.length).toBe(2);
    for (const { batch: sent } of host.records) {
      const numbers = Array.from({ length: sent.eventCount }, (_, i) => Number(sent.eventId(i).slice(2)));
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    }
  });

  test('a request too large for one batch is sent in several, in order, and each event gets its own answer', async () => {
    host.record = async (_shard, batch) => Uint8Array.from({ length: batch.eventCount }, (_, i) => (Number(batch.eventId(i).slice(2)) % 2 === 0 ? DISPOSITIONS.duplicate : DISPOSITIONS.counted));
    const token = (await mintOne(host)).token;
    const batch = Array.from({ length: 1_000 }, (_, i) => impression({ impressionId: `i-${i}`, referrer: `${i}${'é'.repeat(400)}` }));
    const [status, reply] = await answer(await send({ events: batch }));
    expect([status, reply.received, reply.accepted, reply.duplicates]).toEqual([202, 1_000, 1_000, 500]);
    expect(token).toBeTruthy();
  });

  test('NDJSON and text/plain are read as well', async () => {
    const lines = [impression(), '', impression({ impressionId: 'i-2' })].map((line) => (line === '' ? '' : JSON.stringify(line))).join('\n');
    for (const type of ['application/x-ndjson', 'text/plain']) {
      expect(await answer(await send(`${lines}\nnot json`, { ...withKey('ingest'), 'content-type': type }))).toMatchObject([202, { received: 3, accepted: 2 }]);
    }
  });
});

describe('who may send', () => {
  test.each([
    ['nobody', {}],
    ['a key that we do not know', { authorization: 'Bearer nonsense' }],
    ['no bearer', { authorization: 'Basic eDp5' }],
    ['a publisher that may not ingest', withKey('publisher')],
    ['an operator', withKey('ops')],
  ])('401 for %s', async (_name, headers: Record<string, string>) => {
    expect(await answer(await send(impression(), headers))).toMatchObject([401, { code: 'unauthorized' }]);
    expect(events()).toEqual([]);
  });

  test('a key outside its tenant: 403 when nothing else is asked, rejected beside others', async () => {
    const foreign = impression({ publisherId: 'pub-2' });
    expect(await answer(await send(foreign, withKey('tenant')))).toMatchObject([403, { code: 'not_allowed' }]);
    expect(await answer(await send(impression({ adId: 'ad-other' }), withKey('advertiser')))).toMatchObject([403, { code: 'not_allowed' }]);
    expect(await answer(await send({ events: [foreign, impression()] }, withKey('tenant')))).toMatchObject([202, { accepted: 1, rejected: [{ index: 0, code: 'not_allowed' }] }]);
    expect(events().map(({ publisherId }) => publisherId)).toEqual(['pub-1']);
  });

  test('a publisher that the ad does not allow is rejected', async () => {
    expect(await answer(await send(impression({ adId: 'ad-exclusive', publisherId: 'pub-1' })))).toMatchObject([202, { rejected: [{ code: 'not_allowed' }] }]);
  });

  test('a key that demands signatures refuses bodies without one, with an old one, with a changed body, under the secret\'s text', async () => {
    const body = JSON.stringify(impression());
    const secret = Buffer.from(SIGNING_SECRET, 'base64url');
    const signature = (time: number, text = body, key = secret) => `t=${time},v1=${createHmac('sha256', key).update(`${time}.${text}`).digest('hex')}`;
    const status = async (header: string) => (await send(body, { ...withKey('signed'), ...(header === '' ? {} : { 'x-signature': header }) })).status;
    const seconds = host.nowMs / 1_000;
    expect(await status('')).toBe(401);
    expect(await status('t=,v1=')).toBe(401);
    expect(await status(signature(seconds - 301))).toBe(401);
    expect(await status(signature(seconds, `${body} `))).toBe(401);
    expect(await status(signature(seconds, body, Buffer.from(SIGNING_SECRET)))).toBe(401);
    expect(await status(signature(seconds))).toBe(202);
    expect(await status(signature(host.nowMs))).toBe(202);
  });
});

describe('a browser that sends a token', () => {
  const browser = { 'content-type': 'text/plain', 'user-agent': BROWSER };

  test('a click token speaks for both events of its nonce, an impression token only for impressions', async () => {
    const minted = await mintOne(host);
    const impressionToken = minted.impressionUrl.split('/').pop();
    expect((await send({ eventType: 'impression', adId: 'ad-1', token: minted.token }, browser)).status).toBe(202);
    expect((await send({ eventType: 'click', adId: 'ad-1', token: minted.token }, browser)).status).toBe(202);
    expect((await send({ eventType: 'impression', adId: 'ad-1', token: impressionToken }, browser)).status).toBe(202);
    expect((await send({ eventType: 'click', adId: 'ad-1', token: impressionToken }, browser)).status).toBe(401);
    expect((await send({ eventType: 'conversion', conversionId: 'k-1', adId: 'ad-1', token: minted.token }, browser)).status).toBe(401);
    const [first, click, second] = events();
    expect([first, click, second].map((event) => [event!.eventId, event!.flags])).toEqual(Array.from({ length: 3 }, () => [minted.impressionId, EVENT_FLAGS.tokenBound]));
    expect(first!.id).toEqual(second!.id);
    expect(first!.join).toEqual(click!.join);
    expect(first!.id).not.toEqual(click!.id);
  });

  test('the ad and publisher of its token stand, whatever the event says', async () => {
    const { token } = await mintOne(host, { placementId: 'top' });
    expect(await answer(await send({ eventType: 'click', adId: 'ad-eu', token }, browser))).toMatchObject([202, { rejected: [{ code: 'token_mismatch' }] }]);
    expect(await answer(await send({ eventType: 'click', adId: 'ad-1', publisherId: 'pub-2', token }, browser))).toMatchObject([202, { rejected: [{ code: 'token_mismatch' }] }]);
    await send({ eventType: 'click', adId: 'ad-1', token }, browser);
    expect(events().map(({ publisherId, placementId }) => [publisherId, placementId])).toEqual([['pub-1', 'top']]);
  });

  test('beside a valid token, events without one are rejected', async () => {
    const { token } = await mintOne(host);
    const batch = [{ eventType: 'impression', adId: 'ad-1', token }, impression(), impression({ token: 'forged' })];
    expect(await answer(await send({ events: batch }, browser))).toMatchObject([202, { accepted: 1, rejected: [{ index: 1, code: 'unauthorized' }, { index: 2, code: 'bad_token' }] }]);
  });

  test('an expired token is accepted and filtered; so is a bot with a good one', async () => {
    const expired = await mintOne(host, { ttlMs: 1_000 });
    const good = await mintOne(host);
    host.nowMs += 2_000;
    await send({ eventType: 'click', adId: 'ad-1', token: expired.token }, browser);
    await send({ eventType: 'click', adId: 'ad-1', token: good.token }, { ...browser, 'user-agent': 'curl/8.5.0' });
    expect(events().map(({ screenedReason }) => reasonName(screenedReason))).toEqual(['expired', 'declared_bot']);
  });
});

describe('what a server reports', () => {
  test('neither its own agent nor its own address is anybody\'s; what it reports of the agent is screened', async () => {
    const headers = { ...withKey('ingest'), 'user-agent': 'curl/8.5.0' };
    await send({ events: [impression(), impression({ impressionId: 'i-2', userAgent: 'Googlebot/2.1' }), impression({ impressionId: 'i-3', userAgent: BROWSER, ipHash: 'h' })] }, headers);
    const [plain, bot, person] = events();
    expect([plain, bot, person].map((event) => reasonName(event!.screenedReason))).toEqual(['none', 'declared_bot', 'none']);
    expect([plain!.viewer, plain!.detail.ipPrefix, plain!.detail.userAgent]).toEqual([{ lo: 0, hi: 0 }, '', '']);
    expect([person!.deviceType, person!.viewer.lo !== 0]).toEqual(['desktop', true]);
  });

  test('history keeps its own times in shards of its own; without the scope received times are ignored', async () => {
    const receivedAtMs = Date.UTC(2020, 0, 1);
    const event = impression({ timestampMs: receivedAtMs - 5_000, receivedAtMs, userPseudoId: 'u-1' });
    await send(event, withKey('replay'));
    await send(event, withKey('ingest'));
    const [replayed, live] = host.records;
    expect(replayed!.shard).toMatch(/^replay\.us\./);
    expect(live!.shard).toMatch(/^live\.us\./);
    expect([replayed!.batch.receivedAtMs(0), replayed!.batch.eventTimeMs(0)]).toEqual([receivedAtMs, receivedAtMs - 5_000]);
    expect(live!.batch.receivedAtMs(0)).toBe(host.nowMs);
    expect(replayed!.batch.tallies).toEqual([{ region: 'us', receivedSecond: receivedAtMs / 1_000, rejection: '', count: 1 }]);
    expect(replayed!.batch.fields(0).viewer).toEqual(live!.batch.fields(0).viewer);
    expect((await answer(await send(impression({ receivedAtMs: host.nowMs + 90_000_000 }), withKey('replay'))))[0]).toBe(400);
  });

  test('a claim of the future gives way to the time of receipt', async () => {
    await send(impression({ timestampMs: host.nowMs + 121_000 }));
    expect(events()[0]).toMatchObject({ eventTimeMs: host.nowMs, flags: EVENT_FLAGS.clockSkewed, detail: { claimedTimeMs: host.nowMs + 121_000 } });
  });

  test('consent in the event takes the viewer away', async () => {
    await send(impression({ userPseudoId: 'u-1', userAgent: BROWSER, consent: { gpc: true } }));
    expect(events()[0]).toMatchObject({ viewer: { lo: 0, hi: 0 }, flags: EVENT_FLAGS.private, detail: { userAgent: '' } });
  });

  test('country codes that are no letters do not stop an event', async () => {
    const response = await host.fetch('/v1/events', { ...sending(impression({ country: 'T1' }), withKey('ingest')), cf: { country: 'T1' } });
    expect(response.status).toBe(202);
  });
});
