import { ADS, campaignOf, PUBLISHER } from '../hosts/catalogue.ts';
import type { ClientRequest, SentEvent, Token } from '../truth.ts';
import { type Client, posting } from './client.ts';
import { drawPerson, headersOf, identityOf, type Person } from './person.ts';

const SITE = 'https://site.example/';

/** A publisher asks for a token, shows the ad, and a person looks and clicks: once, twice, before the pixel has loaded, hours late. */
export async function browse(client: Client): Promise<void> {
  const { random } = client;
  const person = drawPerson(random);
  const token = await orderToken(client, random.chance(0.15) ? '' : person.pseudonym);
  if (token === null) return;
  if (random.chance(0.1)) await client.pause(random.below(Math.min(token.expiresAtMs - token.issuedAtMs, 300_000) * 2));
  const clicksAt = random.chance(0.6) ? random.between(1, 3) : 0;
  await Promise.all([
    random.chance(0.92) ? look(client, person, token) : undefined,
    clicksAt > 0 ? followLink(client, person, token, clicksAt) : undefined,
    random.chance(0.15) ? snoop(client, token) : undefined,
  ]);
}

async function orderToken(client: Client, pseudonym: string): Promise<Token | null> {
  const { random } = client;
  const adId = random.pick(ADS).adId;
  const ttlMs = random.chance(0.15) ? random.between(1_000, 60_000) : random.chance(0.5) ? 86_400_000 : 1_800_000;
  const order = { adId, publisherId: PUBLISHER, ttlMs, ...(pseudonym === '' ? {} : { userPseudoId: pseudonym }) };
  const reply = await client.insist(5, 'none', () => ({ request: posting('/v1/nonces', order, 'publisher'), events: [] }));
  if (reply?.status !== 200) return null;
  const [minted] = (JSON.parse(reply.body) as { tokens: [{ token: string; impressionId: string; impressionUrl: string; clickUrl: string; expiresAtMs: number }] }).tokens;
  return {
    text: minted.token,
    nonce: minted.impressionId,
    adId,
    clickPath: new URL(minted.clickUrl).pathname,
    impressionPath: new URL(minted.impressionUrl).pathname,
    issuedAtMs: minted.expiresAtMs - ttlMs,
    expiresAtMs: minted.expiresAtMs,
    pseudonym,
  };
}

/** Pixel, then perhaps the news that the ad was in view, by pixel or by beacon; now and then the same once more. */
async function look(client: Client, person: Person, token: Token): Promise<void> {
  const { random } = client;
  if (random.chance(0.2)) await client.pause(random.below(random.chance(0.3) ? 400_000 : 20_000));
  const firstIsViewable = random.chance(0.1);
  await client.insist(4, 'promised', (marker) => fetching(person, token, { kind: 'impression', isViewable: firstIsViewable, marker: marker(0), method: random.chance(0.05) ? 'HEAD' : 'GET' }));
  if (random.chance(0.4)) {
    await client.pause(random.between(1_000, 5_000));
    if (random.chance(0.5)) await client.insist(3, 'promised', (marker) => fetching(person, token, { kind: 'impression', isViewable: true, marker: marker(0), method: 'POST' }));
    else await client.insist(3, 'awaited', (marker) => beacon(person, token, marker(0)));
  }
  if (random.chance(0.15)) {
    await client.pause(random.below(60_000));
    await client.insist(2, 'promised', (marker) => fetching(person, token, { kind: 'impression', isViewable: false, marker: marker(0), method: 'GET' }));
  }
}

/** Clicks: a scanner or prefetch may come first, a double click, a click again when the window is over. */
async function followLink(client: Client, person: Person, token: Token, clicks: number): Promise<void> {
  const { random } = client;
  const windowMs = campaignOf(token.adId).clickWindowMs;
  await client.pause(random.chance(0.2) ? 0 : random.between(500, 30_000));
  for (let click = 0; click < clicks; click++) {
    const method = random.chance(0.08) ? 'HEAD' : 'GET';
    const isPrefetch = random.chance(0.08);
    await client.insist(4, 'promised', (marker) => fetching(person, token, { kind: 'click', isViewable: false, marker: marker(0), method, isPrefetch }));
    await client.pause(random.pick([20, 400, 9_000, windowMs - 200, windowMs + 200, 660_000]));
  }
}

/** Somebody alters a token: it must lead nowhere. */
async function snoop(client: Client, token: Token): Promise<void> {
  const { random } = client;
  const at = random.between(0, token.text.length - 2);
  const altered = token.text.slice(0, at) + (token.text[at] === 'A' ? 'B' : 'A') + token.text.slice(at + 1);
  await client.insist(2, 'none', () => ({ request: { method: 'GET', path: `/v1/c/${altered}`, headers: {}, body: null }, events: [] }));
}

type Fetching = { readonly kind: 'impression' | 'click'; readonly isViewable: boolean; readonly marker: string; readonly method: string; readonly isPrefetch?: boolean };

function fetching(person: Person, token: Token, what: Fetching): { request: ClientRequest; events: SentEvent[] } {
  const path = what.kind === 'click' ? token.clickPath : `${token.impressionPath}${what.isViewable ? '?v=1' : ''}`;
  const headers = { ...headersOf(person), referer: SITE + what.marker, ...(what.isPrefetch ? { 'sec-purpose': 'prefetch' } : {}) };
  const isScreened = person.isBot || what.method === 'HEAD' || what.isPrefetch === true;
  return { request: { method: what.method, path, headers, body: null }, events: [sent(person, token, { ...what, isScreened })] };
}

/** The browser SDK's call: a token speaks for the event, in JSON. */
function beacon(person: Person, token: Token, marker: string): { request: ClientRequest; events: SentEvent[] } {
  const event = { eventType: 'viewable', adId: token.adId, token: token.text, bidRequestId: marker };
  return {
    request: posting('/v1/events', event, undefined, headersOf(person)),
    events: [sent(person, token, { kind: 'impression', isViewable: true, marker, isScreened: person.isBot })],
  };
}

function sent(person: Person, token: Token, { kind, isViewable, marker, isScreened }: { kind: 'impression' | 'click'; isViewable: boolean; marker: string; isScreened: boolean }): SentEvent {
  return {
    marker,
    kind,
    eventId: token.nonce,
    adId: token.adId,
    impressionId: token.nonce,
    isViewable,
    token,
    claimedAtMs: null,
    isScreened: isScreened || token.adId === 'ad-paused',
    identity: identityOf(person, token.pseudonym),
  };
}
