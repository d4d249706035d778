import { ADS, campaignOf, PUBLISHER } from '../hosts/catalogue.ts';
import type { Random } from '../kernel/random.ts';
import type { SentEvent } from '../truth.ts';
import type { World } from '../world.ts';
import { type Client, posting } from './client.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

type Story = Omit<SentEvent, 'marker' | 'token'> & { readonly receivedAtMs?: number };

/** An ad server reports what happened, in batches: late, early, out of order, one batch twice, an unknown ad or a broken line among them. */
export async function report(client: Client, world: World): Promise<void> {
  const { random } = client;
  const nowMs = world.scheduler.nowMs;
  const stories = Array.from({ length: random.between(1, 4) }, (_, i) => tell(random, `${client.life.name}-${i}`, nowMs)).flat();
  await send(client, stories, 'ingest');
  if (random.chance(0.4)) {
    await client.pause(random.below(random.chance(0.5) ? 20_000 : 15 * MINUTE_MS));
    await send(client, random.chance(0.5) ? stories : stories.toReversed(), 'ingest');
  }
}

/** Days of history, imported within minutes: received times are the sender's. */
export async function importHistory(client: Client, world: World): Promise<void> {
  const { random } = client;
  const firstMs = world.startMs - random.between(3, 6) * DAY_MS;
  for (let day = 0; day < 5; day++) {
    const atMs = firstMs + Math.floor(day * random.next() * DAY_MS * 0.7);
    const stories = Array.from({ length: 3 }, (_, i) => tell(random, `${client.life.name}-${day}-${i}`, atMs)).flat();
    const dated = stories.map((story) => ({ ...story, receivedAtMs: atMs + random.below(HOUR_MS) }));
    await send(client, dated, 'replay');
    if (random.chance(0.3)) await send(client, dated, 'replay');
  }
}

/** One impression with its clicks, none of them told by a token. */
function tell(random: Random, name: string, nowMs: number): Story[] {
  const adId = random.pick(ADS).adId;
  const identity = random.chance(0.1) ? '' : `user server-${random.below(10)}`;
  const claimedAtMs = nowMs - latenessMs(random);
  const isScreened = adId === 'ad-paused';
  const impression: Story = { kind: 'impression', eventId: `i-${name}`, adId, impressionId: `i-${name}`, isViewable: random.chance(0.3), claimedAtMs, isScreened, identity };
  const windowMs = campaignOf(adId).clickWindowMs;
  const firstGapMs = random.pick([2_000, 20_000, 29 * MINUTE_MS, 31 * MINUTE_MS, -MINUTE_MS, -3 * MINUTE_MS]);
  const clicks = Array.from({ length: random.below(4) }, (_, i): Story => {
    const gapMs = i === 0 ? firstGapMs : firstGapMs + i * windowMs + random.between(-1, 1);
    const names = random.chance(0.9);
    return { kind: 'click', eventId: `c-${name}-${i}`, adId, impressionId: names ? `i-${name}` : '', isViewable: false, claimedAtMs: claimedAtMs + gapMs, isScreened, identity };
  });
  const conversion: Story[] = random.chance(0.05) ? [{ kind: 'conversion', eventId: `v-${name}`, adId, impressionId: '', isViewable: false, claimedAtMs, isScreened, identity }] : [];
  return random.chance(0.5) ? [impression, ...clicks, ...conversion] : [...clicks, impression, ...conversion];
}

async function send(client: Client, stories: readonly Story[], key: 'ingest' | 'replay'): Promise<void> {
  const { random } = client;
  const hasJunk = random.chance(0.1);
  await client.insist(5, 'awaited', (marker) => {
    const events = stories.map((story, i): SentEvent => ({ ...story, marker: marker(i), token: null }));
    const junk = hasJunk ? [random.chance(0.5) ? { eventType: 'click', clickId: 'x', adId: 'ad-nobody-knows', publisherId: PUBLISHER } : { eventType: 'click' }] : [];
    return { request: posting('/v1/events', { events: [...stories.map((story, i) => bodyOf(story, marker(i))), ...junk] }, key), events };
  });
}

function bodyOf(story: Story, marker: string): Record<string, unknown> {
  return {
    eventType: story.kind,
    eventId: story.eventId,
    adId: story.adId,
    publisherId: PUBLISHER,
    bidRequestId: marker,
    ...(story.kind === 'click' ? { clickId: story.eventId } : {}),
    ...(story.impressionId === '' ? {} : { impressionId: story.impressionId }),
    ...(story.isViewable ? { eventType: 'viewable' } : {}),
    ...(story.identity === '' ? {} : { userPseudoId: story.identity.slice('user '.length) }),
    timestampMs: story.claimedAtMs,
    ...(story.receivedAtMs === undefined ? {} : { receivedAtMs: story.receivedAtMs }),
  };
}

/** Mostly at once; some half a minute, hours or more than a day late; some from a clock that runs ahead. */
function latenessMs(random: Random): number {
  const share = random.next();
  if (share < 0.6) return random.below(20_000);
  if (share < 0.75) return random.between(28_000, 33_000);
  if (share < 0.85) return random.below(20 * HOUR_MS);
  if (share < 0.93) return DAY_MS + random.between(-2 * MINUTE_MS, 30 * MINUTE_MS);
  return -random.pick([MINUTE_MS, 110_000, 130_000, HOUR_MS]);
}
