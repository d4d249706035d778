import { describe, expect, test } from 'vitest';
import { EVENT_KINDS, NO_KEY } from '../../core/event.ts';
import { createKeyHasher } from '../../core/hash.ts';
import { parseEvent, type ParsedEvent } from '../../schemas/event-json.ts';
import { TokenSigner, TokenVerifier, parseTokenKeys, type TokenDraft } from '../../schemas/token.ts';
import { grantsOf } from '../auth/grants.ts';
import { AdEntry } from '../catalogue/catalogue-view.ts';
import { SETTINGS } from '../fixtures/host.ts';
import { testAd, testSnapshot } from '../fixtures/network.ts';
import { atTheDoor, checkToken, type Admitted, type DoorQuestion, type Refused } from './door.ts';
import { mintToken } from './mint.ts';
import { shardOf } from './shard-of.ts';
import type { DraftEvent } from '../delivery/delivery.ts';
import { Refusals } from './refusals.ts';

const T = 1_700_000_000_000;
const entry = new AdEntry(testAd({ salts: 8 }), testSnapshot().campaigns[0]!, 'us');
const keys = parseTokenKeys(SETTINGS.TOKEN_KEYS);
const signer = new TokenSigner(keys);
const verifier = new TokenVerifier(keys);
const hasher = await createKeyHasher(7n);

function parsed(over: Record<string, unknown>): ParsedEvent {
  const result = parseEvent({ eventType: 'click', clickId: 'c-1', adId: 'ad-1', ...over });
  if (!result.ok) throw new Error(result.message);
  return result.event;
}

const draft: TokenDraft = { purpose: 'click', issuedAtMs: T, expiresAtMs: T + 1_000, nonce: new Uint8Array(16).fill(7), route: 3, salts: 1, slot: { epoch: 0, shard: 0 }, contextHash: 0, viewer: NO_KEY, adId: 'ad-1', publisherId: 'pub-1', placementId: '', homeRegion: 'eu' };

describe('at the door', () => {
  const question = (over: Partial<DoorQuestion>): DoorQuestion => ({ event: parsed({}), tokenCheck: { kind: 'none' }, grants: grantsOf(['ingest']), entry, nowMs: T, ...over });
  const codeOf = (over: Partial<DoorQuestion>) => {
    const result = atTheDoor(question(over));
    return result.ok ? 'admitted' : result.code;
  };

  test('the first thing wrong is the rejection', () => {
    const token = checkToken(parsed({ token: signer.sign(draft) }), verifier);
    expect(codeOf({})).toBe('admitted');
    expect(codeOf({ grants: null })).toBe('unauthorized');
    expect(codeOf({ grants: null, tokenCheck: token })).toBe('admitted');
    expect(codeOf({ grants: null, tokenCheck: token, event: parsed({ eventType: 'conversion', conversionId: 'k' }) })).toBe('unauthorized');
    expect(codeOf({ tokenCheck: { kind: 'invalid', message: '' }, entry: undefined })).toBe('bad_token');
    expect(codeOf({ tokenCheck: token, event: parsed({ adId: 'ad-2' }), entry: undefined })).toBe('token_mismatch');
    expect(codeOf({ tokenCheck: token, event: parsed({ publisherId: 'pub-9' }) })).toBe('token_mismatch');
    expect(codeOf({ entry: undefined })).toBe('unknown_ad');
    expect(codeOf({ event: parsed({ campaignId: 'autumn' }) })).toBe('campaign_mismatch');
    expect(codeOf({ grants: grantsOf(['ingest', 'publisher:pub-1']), event: parsed({ publisherId: 'pub-2' }) })).toBe('not_allowed');
    expect(codeOf({ grants: grantsOf(['ingest', 'advertiser:other']) })).toBe('not_allowed');
  });

  test('a key of one publisher speaks for it without saying so', () => {
    expect(atTheDoor(question({ grants: grantsOf(['ingest', 'publisher:pub-1']) }))).toMatchObject({ ok: true, publisherId: 'pub-1' });
  });

  test('received times are a replay key\'s to say, and no more than a day ahead', () => {
    const event = parsed({ receivedAtMs: 5_000 });
    expect(atTheDoor(question({ event }))).toMatchObject({ receivedAtMs: T, source: 'live' });
    expect(atTheDoor(question({ event, grants: grantsOf(['replay']) }))).toMatchObject({ receivedAtMs: 5_000, source: 'replay' });
    expect(atTheDoor(question({ grants: grantsOf(['replay']) }))).toMatchObject({ receivedAtMs: T, source: 'replay' });
    expect(codeOf({ event: parsed({ receivedAtMs: T + 86_400_001 }), grants: grantsOf(['replay']) })).toBe('malformed');
  });
});

test('a request is refused whole only when no event came in, and for one reason', () => {
  const admitted = atTheDoor({ event: parsed({}), tokenCheck: { kind: 'none' }, grants: grantsOf(['ingest']), entry, nowMs: T });
  const refused = (code: Refused['code'], isOutsideTenant = false): Refused => ({ ok: false, code, message: '', isOutsideTenant });
  const statusOf = (results: (Admitted | Refused)[], hasKey: boolean) => {
    const refusals = new Refusals();
    for (const [index, result] of results.entries()) if (!result.ok) refusals.add(index, result);
    return refusals.ofWhole(results.length, hasKey)?.status ?? null;
  };
  expect(statusOf([admitted, refused('malformed')], true)).toBe(null);
  expect(statusOf([refused('malformed'), refused('unsupported_schema')], true)).toBe(400);
  expect(statusOf([refused('malformed'), refused('unauthorized')], false)).toBe(401);
  expect(statusOf([refused('bad_token')], false)).toBe(401);
  expect(statusOf([refused('bad_token')], true)).toBe(null);
  expect(statusOf([refused('unknown_ad'), refused('unauthorized')], false)).toBe(null);
  expect(statusOf([refused('not_allowed', true), refused('not_allowed', true)], true)).toBe(403);
  expect(statusOf([refused('not_allowed', true), refused('unknown_ad')], true)).toBe(null);
});

describe('where an event is counted', () => {
  const epochs = [{ epoch: 0, sinceMs: 0, shards: 1 }, { epoch: 1, sinceMs: T, shards: 64 }];
  const event = { eventTimeMs: T + 5_000, viewer: hasher.viewer('u/1') } as DraftEvent;

  test('a token decides by what it carries: region, route, and the shard of its issue, whatever the edge knows', () => {
    const order = { entry, shardEpochs: epochs, publisherId: 'pub-1', placementId: '', viewer: NO_KEY, contextHash: 0, issuedAtMs: T - 1, ttlMs: 60_000, origin: '' };
    const by = { signer, hasher, random: (bytes: Uint8Array) => bytes.fill(0x21) };
    const verified = verifier.verify(mintToken(order, by).token, 'click');
    if (!verified.ok) throw new Error(verified.why);
    expect(verified.token.route).toBe(0x2121);
    expect(shardOf(event, { source: 'live', entry, token: verified.token, hasher, epochs })).toEqual({ shard: `live.us.e0.0.${0x2121 % 8}`, homeRegion: 'us' });
    // An edge that has not heard of the shards that the token was minted for.
    const later = verifier.verify(mintToken({ ...order, issuedAtMs: T }, by).token, 'click');
    if (!later.ok) throw new Error(later.why);
    expect(shardOf(event, { source: 'live', entry, token: later.token, hasher, epochs: epochs.slice(0, 1) }).shard).toBe(`live.us.e1.${entry.adHash % 64}.${0x2121 % 8}`);
  });

  test('spreading an ad over more sub-shards splits no nonce', () => {
    const order = { entry, shardEpochs: epochs, publisherId: 'pub-1', placementId: '', viewer: event.viewer, contextHash: 0, issuedAtMs: T, ttlMs: 60_000, origin: '' };
    const verified = verifier.verify(mintToken(order, { signer, hasher, random: (bytes) => bytes.fill(1) }).token, 'click');
    if (!verified.ok) throw new Error(verified.why);
    const spread = new AdEntry(testAd({ salts: 63 }), testSnapshot().campaigns[0]!, 'us');
    const shards = [entry, spread].map((at) => shardOf(event, { source: 'live', entry: at, token: verified.token, hasher, epochs }).shard);
    expect(shards[1]).toBe(shards[0]);
  });

  // announced                 in force
  // t   T ─────────────────── T + 60 s
  // salts  8                  │ 63
  test('spreading an ad wider moves events without a token by their own time, so that no copy meets another object', () => {
    const spread = new AdEntry(testAd({ salts: 63 }), testSnapshot().campaigns[0]!, 'us', [{ sinceMs: 0, salts: 8 }, { sinceMs: T + 60_000, salts: 63 }]);
    const saltOf = (at: AdEntry, eventTimeMs: number) => Number(shardOf({ ...event, eventTimeMs }, { source: 'live', entry: at, token: null, hasher, epochs }).shard.split('.')[4]);
    const route = hasher.route(event.viewer);
    expect([T - 86_400_000, T, T + 59_999].map((atMs) => saltOf(spread, atMs))).toEqual(Array.from({ length: 3 }, () => route % 8));
    expect(saltOf(spread, T)).toBe(saltOf(entry, T));
    expect(saltOf(spread, T + 60_000)).toBe(route % 63);
  });

  test('a viewer known when its token was minted chooses the route, so that its tokens meet', () => {
    const order = { entry, shardEpochs: epochs, publisherId: 'pub-1', placementId: '', viewer: event.viewer, contextHash: 0, issuedAtMs: T, ttlMs: 60_000, origin: '' };
    const routes = [1, 2, 3].map((byte) => {
      const verified = verifier.verify(mintToken(order, { signer, hasher, random: (bytes) => bytes.fill(byte) }).token, 'click');
      return verified.ok ? verified.token.route : -1;
    });
    expect(routes).toEqual(Array.from({ length: 3 }, () => hasher.route(event.viewer)));
  });

  test('without a token the ad, the viewer and the event\'s time decide, never the place of entry', () => {
    const { shard, homeRegion } = shardOf(event, { source: 'replay', entry, token: null, hasher, epochs });
    expect([shard, homeRegion]).toEqual([`replay.us.e1.${entry.adHash % 64}.${hasher.route(event.viewer) % 8}`, 'us']);
  });
});

test('kinds are those of the wire', () => {
  expect(parsed({ eventType: 'viewable', impressionId: 'i' })).toMatchObject({ kind: EVENT_KINDS.impression, viewable: true });
});
