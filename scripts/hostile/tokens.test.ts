import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { DAY_MS, MINUTE_MS, SECOND_MS } from '../../core/time.ts';
import { mintOne, sending, withKey } from '../../edge-worker/fixtures/ask.ts';
import { SETTINGS, TestHost } from '../../edge-worker/fixtures/host.ts';
import { BROWSER, testAd, testSnapshot } from '../../edge-worker/fixtures/network.ts';
import type { MintedToken } from '../../edge-worker/event/mint.ts';
import { NodeNetwork } from './testing/node-network.ts';

const person = { headers: { 'user-agent': BROWSER } };
/** Somebody else: another agent, another network. */
const thief = { headers: { 'user-agent': BROWSER.replace('Windows', 'Macintosh'), 'cf-connecting-ip': '203.0.113.77' } };
const click = (token: string) => `/v1/c/${token}`;

describe('a token that we did not sign for this', () => {
  let host: TestHost;
  beforeEach(async () => {
    host = await TestHost.open();
  });

  /** No way of handing over a token may lead anywhere or leave an event behind. */
  async function expectDead(token: string, name: string): Promise<void> {
    const inJson = (over: object) => sending({ click_id: 'c', ad_id: 'ad-1', timestamp_ms: host.nowMs, token, ...over }, person.headers);
    const replies = await Promise.all([
      host.fetch(click(encodeURIComponent(token)), person),
      host.fetch(`/v1/i/${encodeURIComponent(token)}`, person),
      host.fetch('/v1/click', inJson({})),
      host.fetch('/v1/events', inJson({ eventType: 'click' })),
    ]);
    expect([name, replies.map(({ status }) => status)]).toEqual([name, [404, 404, 404, 401]]);
    expect(replies.map((reply) => reply.headers.get('location'))).toEqual([null, null, null, null]);
  }

  /** What reached a shard; refusals are tallied there, events are not. */
  async function eventsRecorded(): Promise<number> {
    await host.settled();
    return host.records.reduce((sum, { batch }) => sum + batch.eventCount, 0);
  }

  test('any single bit flipped, at every door', { timeout: 60_000 }, async () => {
    const bytes = Buffer.from((await mintOne(host)).token, 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      await expectDead(flipped.toString('base64url'), `bit ${bit}`);
    }
    expect(await eventsRecorded()).toBe(0);
  });

  test('any truncation, any addition', { timeout: 60_000 }, async () => {
    const { token } = await mintOne(host);
    for (let length = 1; length < token.length; length++) await expectDead(token.slice(0, length), `${length} characters`);
    for (const tail of ['A', 'AAAA', '=', '==', ' ', '\n', '\u0000', '.', '/', '%', token]) await expectDead(token + tail, `tail ${JSON.stringify(tail)}`);
    expect(await eventsRecorded()).toBe(0);
  });

  test('another network\'s keys, an unknown key, a revoked one', async () => {
    const foreignKeys = [{ kid: 1, secret: randomBytes(32).toString('base64url') }, { kid: 7, secret: randomBytes(32).toString('base64url') }];
    const foreign = await TestHost.open({ ...SETTINGS, TOKEN_KEYS: JSON.stringify(foreignKeys) });
    await expectDead((await mintOne(foreign)).token, 'same kid, other secret');
    foreign.snapshot = testSnapshot({ catalogueVersion: 2, signingKid: 7 });
    foreign.nowMs += 10 * SECOND_MS;
    await expectDead((await mintOne(foreign)).token, 'unknown kid');
    const { token } = await mintOne(host);
    host.snapshot = testSnapshot({ catalogueVersion: 2, revokedKids: [1] });
    host.nowMs += 10 * SECOND_MS;
    await expectDead(token, 'revoked');
    expect(await eventsRecorded()).toBe(0);
  });

  test('an impression\'s token opens no click, by whatever door', async () => {
    const token = (await mintOne(host)).impressionUrl.replace('/v1/i/', '');
    expect((await host.fetch(click(token), person)).status).toBe(404);
    expect((await host.fetch('/v1/click', sending({ click_id: 'c', ad_id: 'ad-1', timestamp_ms: host.nowMs, token }, person.headers))).status).toBe(404);
    const asClick = await host.fetch('/v1/events', sending({ eventType: 'click', clickId: 'c', adId: 'ad-1', token }, withKey('ingest')));
    expect(await asClick.json()).toMatchObject({ accepted: 0, rejected: [{ code: 'bad_token' }] });
    expect(await eventsRecorded()).toBe(0);
  });

  test('another ad or publisher named beside it is told so, and nobody is sent anywhere', async () => {
    const { token } = await mintOne(host);
    const body = { click_id: 'c', ad_id: 'ad-open', timestamp_ms: host.nowMs, token };
    for (const wrong of [body, { ...body, ad_id: 'ad-1', publisher_id: 'pub-2' }]) {
      const reply = await host.fetch('/v1/click', sending(wrong, person.headers));
      expect([reply.status, reply.headers.get('location'), await reply.json()]).toMatchObject([400, null, { code: 'token_mismatch' }]);
    }
  });
});

describe('one token, one count, whatever is done with it', () => {
  // t   23:59 ───── │ midnight ───── 00:01 ───── +23 h ───── +25 h (expired)
  const MIDNIGHT = Date.UTC(2026, 2, 10);
  let network: NodeNetwork;
  let token: MintedToken;

  beforeEach(async () => {
    network = await NodeNetwork.open();
    network.nowMs = MIDNIGHT - MINUTE_MS;
    token = await mintOne(network.pop('us'), { userPseudoId: 'u-1' });
  });

  /** The click told in JSON, with or without a key. */
  const told = (route: '/v1/click' | '/v1/events', pop: TestHost, key: boolean) => {
    const headers = key ? withKey('ingest') : person.headers;
    return pop.fetch(route, sending({ eventType: 'click', click_id: 'mine', ad_id: 'ad-1', timestamp_ms: pop.nowMs, token: token.token }, headers));
  };

  test('at 23:59 and at 00:01, in every region, by others, by every door, after evictions, expired', async () => {
    expect((await network.pop('us').fetch(token.clickUrl, person)).status).toBe(302);
    expect(network.counts()).toEqual({ counted: 1 });
    for (const afterMs of [MINUTE_MS, 2 * MINUTE_MS, 23 * 60 * MINUTE_MS, DAY_MS + 60 * MINUTE_MS, 3 * DAY_MS]) {
      network.nowMs = MIDNIGHT - MINUTE_MS + afterMs;
      network.evict(MIDNIGHT - MINUTE_MS + afterMs);
      for (const name of ['us', 'eu', 'ap'] as const) {
        const pop = network.pop(name);
        for (const who of [person, thief]) expect((await pop.fetch(token.clickUrl, who)).status).toBe(302);
        expect((await told('/v1/click', pop, false)).status).toBe(302);
        expect((await told('/v1/click', pop, true)).status).toBe(302);
        expect([200, 202, 409]).toContain((await told('/v1/events', pop, true)).status);
      }
    }
    const { counted, duplicate = 0, filtered = 0, ...others } = network.counts();
    expect([counted, others]).toEqual([1, {}]);
    expect(duplicate + filtered).toBe(5 * 3 * 5);
    expect(new Set(network.verdicts.map(({ shard }) => shard)).size).toBe(1);
    expect(new Set(network.verdicts.map(({ eventId }) => eventId)).size).toBe(1);
  });

  test('a hundred copies at once through three POPs', async () => {
    const replies = await Promise.all(Array.from({ length: 100 }, (_, i) => network.pop((['us', 'eu', 'ap'] as const)[i % 3]!).fetch(token.clickUrl, i % 2 === 0 ? person : thief)));
    expect(replies.every(({ status }) => status === 302)).toBe(true);
    expect(network.counts()).toEqual({ counted: 1, duplicate: 99 });
  });

  test('when the ad moves to another region or is spread over more sub-shards after the token was made', async () => {
    expect((await network.pop('us').fetch(token.clickUrl, person)).status).toBe(302);
    const moved = testSnapshot({ catalogueVersion: 2, ads: [testAd({ homeRegion: 'ap', salts: 8 })], shardEpochs: [{ epoch: 0, sinceMs: 0, shards: 4 }, { epoch: 1, sinceMs: MIDNIGHT, shards: 64 }] });
    network.nowMs = MIDNIGHT + MINUTE_MS;
    for (const name of ['us', 'eu', 'ap'] as const) {
      network.pop(name).snapshot = moved;
      expect((await network.pop(name).fetch(token.clickUrl, person)).status).toBe(302);
    }
    expect(network.counts()).toEqual({ counted: 1, duplicate: 3 });
  });

  test('also when history is imported beside it, before it or long after', async () => {
    const importing = (afterMs: number) => {
      const claimed = MIDNIGHT - MINUTE_MS + afterMs;
      return network.pop('eu').fetch('/v1/events', sending({ eventType: 'click', clickId: 'mine', adId: 'ad-1', timestampMs: claimed, receivedAtMs: claimed, token: token.token }, withKey('replay')));
    };
    expect((await importing(0)).status).toBe(202);
    expect((await network.pop('us').fetch(token.clickUrl, person)).status).toBe(302);
    expect((await importing(2 * MINUTE_MS)).status).toBe(409);
    network.nowMs = MIDNIGHT + 30 * DAY_MS;
    network.evict(MIDNIGHT + 30 * DAY_MS);
    await importing(0);
    expect(network.counts()).toEqual({ counted: 1, duplicate: 2, filtered: 1 });
  });
});
