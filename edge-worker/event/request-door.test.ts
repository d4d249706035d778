import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { NO_KEY } from '../../core/event.ts';
import { parseEvent, type ParsedEvent } from '../../schemas/event-json.ts';
import { TokenSigner, TokenVerifier, parseTokenKeys, type TokenDraft } from '../../schemas/token.ts';
import type { Scope } from '../../schemas/catalogue.ts';
import { grantsOf } from '../auth/grants.ts';
import { catalogueView } from '../catalogue/catalogue-view.ts';
import { SETTINGS } from '../fixtures/host.ts';
import { testSnapshot } from '../fixtures/network.ts';
import { atTheDoor, checkToken } from './door.ts';
import { RequestDoor } from './request-door.ts';

const T = 1_700_000_000_000;
const keys = parseTokenKeys(SETTINGS.TOKEN_KEYS);
const { ads } = catalogueView(testSnapshot(), { tokenKeys: keys, firstRegion: 'us' });
const verifier = new TokenVerifier(keys);
const draft: TokenDraft = { purpose: 'click', issuedAtMs: T - 500, expiresAtMs: T + 1_000, nonce: new Uint8Array(16).fill(7), route: 3, salts: 1, slot: { epoch: 0, shard: 0 }, contextHash: 0, viewer: NO_KEY, adId: 'ad-1', publisherId: 'pub-1', placementId: '', homeRegion: 'eu' };
const tokens = [draft, { ...draft, expiresAtMs: T }, { ...draft, adId: 'ad-eu', publisherId: '' }, { ...draft, purpose: 'impression' as const }].map((of) => new TokenSigner(keys).sign(of));

const maybe = <Value>(...values: Value[]) => fc.option(fc.constantFrom(...values), { nil: undefined });
const event = fc
  .record({
    eventType: fc.constantFrom('click', 'impression', 'conversion'),
    eventId: fc.constant('e-1'),
    adId: fc.constantFrom('ad-1', 'ad-1', 'ad-exclusive', 'ad-other', 'ad-eu', 'nobody-knows'),
    publisherId: maybe('pub-1', 'pub-2', 'pub-3', ...Array.from({ length: 20 }, (_, i) => `p${i}`)),
    campaignId: maybe('spring', 'autumn'),
    token: fc.option(fc.constantFrom(...tokens, 'forged'), { nil: undefined, freq: 3 }),
    receivedAtMs: maybe(0, T, T + 86_400_000, T + 86_400_001),
  })
  .map((given): ParsedEvent => {
    const result = parseEvent(JSON.parse(JSON.stringify(given)));
    if (!result.ok) throw new Error(result.message);
    return result.event;
  });
const scopes = fc.constantFrom<Scope[]>(['ingest'], ['replay'], ['ingest', 'publisher:pub-1'], ['ingest', 'publisher:pub-1', 'publisher:pub-2'], ['ingest', 'advertiser:acme'], ['replay', 'advertiser:other']);

test('the door of a request says of each event what the door says of that event alone', () => {
  const said = new Set<string>();
  fc.assert(
    fc.property(fc.array(event, { minLength: 1, maxLength: 60 }), fc.option(scopes), (events, keyScopes) => {
      const grants = keyScopes === null ? null : grantsOf(keyScopes);
      const door = new RequestDoor({ ads, verifier, grants, nowMs: T });
      for (const one of events) {
        const alone = atTheDoor({ event: one, tokenCheck: checkToken(one, verifier), grants, entry: ads.get(one.adId), nowMs: T });
        expect(door.judge(one)).toEqual(alone);
        said.add(alone.ok ? alone.source : alone.code);
      }
    }),
    { numRuns: 300 },
  );
  expect([...said].toSorted()).toEqual(['bad_token', 'campaign_mismatch', 'live', 'malformed', 'not_allowed', 'replay', 'token_mismatch', 'unauthorized', 'unknown_ad']);
});
