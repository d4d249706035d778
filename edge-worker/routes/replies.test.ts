import { expect, test } from 'vitest';
import { DISPOSITIONS } from '../../core/disposition.ts';
import { EDGE_ROUTE_NAMES, edgeRoute, type EdgeRouteName } from '../../schemas/edge-routes.ts';
import { mintOne, sending, withKey } from '../fixtures/ask.ts';
import { TestHost } from '../fixtures/host.ts';
import { testSnapshot } from '../fixtures/network.ts';

type Ask = (host: TestHost) => Promise<Response>;
type Asks = Readonly<Record<string, Ask>>;

const EVENT = { eventType: 'click', clickId: 'c-1', adId: 'ad-1' };
const CLICK = { click_id: 'c-1', ad_id: 'ad-1' };
const ORDER = { adId: 'ad-1', publisherId: 'pub-1' };
const at = (path: string, init?: RequestInit): Ask => (host) => host.fetch(path, init);
const sent = (path: string, body: unknown, headers: Record<string, string> = {}): Ask => at(path, sending(body, headers));
const TOO_LONG = 'x'.repeat(1_048_577);

/** The same before the first catalogue has come. */
const early = (ask: Ask): Ask => (host) => {
  host.readSnapshot = async () => null;
  return ask(host);
};
/** A token's link, followed where it was minted. */
const linked = (kind: 'clickUrl' | 'impressionUrl', method: string): Ask => async (host) => host.fetch((await mintOne(host))[kind], { method });
/** The same at an edge of the network that has since heard that its ad is gone. */
const withoutItsAd = (method: string): Ask => async (host) => {
  host.snapshot = testSnapshot({ ads: [] });
  return host.fetch((await mintOne(await TestHost.open())).impressionUrl, { method });
};
const withToken = (path: string, body: object): Ask => async (host) => host.fetch(path, sending({ ...body, token: (await mintOne(host)).token }));

const impression = (method: string, ok: string): Asks => ({
  [ok]: linked('impressionUrl', method),
  '404 bad_token': at('/v1/i/forged', { method }),
  '404 unknown_ad': withoutItsAd(method),
  '503 overloaded': early(at('/v1/i/forged', { method })),
});

/** How each reply of the table is had, by its status and code. */
const ASKS: Readonly<Record<EdgeRouteName, Asks>> = {
  clickLink: { '302': linked('clickUrl', 'GET'), '404': at('/v1/c/forged'), '503 overloaded': early(at('/v1/c/forged')) },
  pixel: impression('GET', '200'),
  beacon: impression('POST', '204'),
  click: {
    '302': sent('/v1/click', CLICK),
    '400 malformed': sent('/v1/click', 'nonsense'),
    '400 unsupported_schema': sent('/v1/click', { ...CLICK, schemaVersion: 2 }),
    '400 token_mismatch': withToken('/v1/click', { ...CLICK, ad_id: 'ad-open' }),
    '400 campaign_mismatch': sent('/v1/click', { ...CLICK, campaign_id: 'autumn' }),
    '401 unauthorized': sent('/v1/click', CLICK, { authorization: 'Bearer nonsense' }),
    '403 not_allowed': sent('/v1/click', { ...CLICK, ad_id: 'ad-other' }, withKey('advertiser')),
    '404 bad_token': sent('/v1/click', { ...CLICK, token: 'forged' }),
    '404 unknown_ad': sent('/v1/click', { ...CLICK, ad_id: 'nope' }),
    '413 too_large': sent('/v1/click', TOO_LONG),
    '503 overloaded': early(sent('/v1/click', CLICK)),
  },
  events: {
    '202': sent('/v1/events', EVENT, withKey('ingest')),
    '400 malformed': sent('/v1/events', 'nonsense', withKey('ingest')),
    '400 unsupported_schema': sent('/v1/events', { ...EVENT, schemaVersion: 2 }, withKey('ingest')),
    '401 unauthorized': sent('/v1/events', EVENT),
    '403 not_allowed': sent('/v1/events', { ...EVENT, adId: 'ad-other' }, withKey('advertiser')),
    '409 duplicate': (host) => {
      host.record = async (_shard, batch) => new Uint8Array(batch.eventCount).fill(DISPOSITIONS.duplicate);
      return host.fetch('/v1/events', sending(EVENT, withKey('ingest')));
    },
    '413 too_large': sent('/v1/events', TOO_LONG, withKey('ingest')),
    '503 overloaded': early(sent('/v1/events', EVENT, withKey('ingest'))),
  },
  nonces: {
    '200': sent('/v1/nonces', ORDER, withKey('publisher')),
    '400 malformed': sent('/v1/nonces', 'nonsense', withKey('publisher')),
    '401 unauthorized': sent('/v1/nonces', ORDER),
    '403 not_allowed': sent('/v1/nonces', ORDER, withKey('ingest')),
    '404 unknown_ad': sent('/v1/nonces', { ...ORDER, adId: 'nope' }, withKey('publisher')),
    '413 too_large': sent('/v1/nonces', TOO_LONG, withKey('publisher')),
    '503 overloaded': early(sent('/v1/nonces', ORDER, withKey('publisher'))),
  },
  tag: {
    '200': at('/v1/tag?ad=ad-1&pub=pub-1'),
    '400 malformed': at('/v1/tag?ad=ad-1'),
    '403 not_allowed': at('/v1/tag?ad=ad-exclusive&pub=pub-1'),
    '404 unknown_ad': at('/v1/tag?ad=nope&pub=pub-1'),
    '429 too_many_requests': async (host) => {
      const replies = await Promise.all(Array.from({ length: 201 }, () => host.fetch('/v1/tag?ad=ad-1&pub=pub-1')));
      return replies.find(({ status }) => status !== 200) ?? replies[0]!;
    },
    '503 overloaded': early(at('/v1/tag?ad=ad-1&pub=pub-1')),
  },
  healthz: { '200': at('/healthz') },
};

/** That nothing else is answered, the host sees to at every request of every test. */
test.each(EDGE_ROUTE_NAMES)('%s: every reply that the table tells of can be had', async (name) => {
  const told = Object.entries(edgeRoute(name).replies).flatMap(([status, codes]) => (codes.length === 0 ? [status] : codes.map((code) => `${status} ${code}`)));
  const had = await Promise.all(
    Object.values(ASKS[name]).map(async (ask) => {
      const reply = await ask(await TestHost.open());
      const isRefusal = reply.status >= 400 && reply.headers.get('content-type') === 'application/json';
      return isRefusal ? `${reply.status} ${((await reply.json()) as { code: string }).code}` : String(reply.status);
    }),
  );
  expect(had).toEqual(Object.keys(ASKS[name]));
  expect(had.toSorted()).toEqual(told.toSorted());
});
