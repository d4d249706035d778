import type { LocalNetwork } from '../network.ts';
import { drawVisit, type Random, type Visit } from './audience.ts';
import { DEMO_PUBLISHERS, demoCatalogue } from './catalogue.ts';

/** Visits begin at this rate; a visit is one to five requests. */
const VISITS_PER_SECOND = 8;
/** Share of ticks in which a publisher's server delivers what it had queued, minutes late. */
const LATE_DELIVERY_SHARE = 0.02;

export type Demo = { stop(): Promise<void> };

type Publisher = { readonly publisherId: string; readonly keyId: string; readonly key: string };

/** Registers the demo catalogue and sends traffic through the public doors, every POP in turn, until stopped. */
export async function startDemo(network: LocalNetwork, report: (line: string) => void): Promise<Demo> {
  const regions = Object.keys(network.edgeUrls);
  const catalogue = demoCatalogue(regions);
  await hubCall(network, 'PUT', '/v1/catalogue', catalogue);
  const publishers = await Promise.all(DEMO_PUBLISHERS.map((publisher) => issueKey(network, publisher.publisherId)));
  const adIds = catalogue.ads.map((ad) => ad.adId);
  const publisherIds = publishers.map((publisher) => publisher.publisherId);

  let failures = 0;
  let isStopping = false;
  const running = new Set<Promise<void>>();
  const tick = (): void => {
    const work = act(network, Math.random, adIds, publishers, publisherIds)
      .catch((error: unknown) => {
        if (isStopping) return;
        failures += 1;
        if (failures === 1 || failures % 100 === 0) report(`demo traffic: ${failures} visits failed so far (${String(error)})`);
      })
      .finally(() => running.delete(work));
    running.add(work);
  };
  const timer = setInterval(tick, 1_000 / VISITS_PER_SECOND);
  return {
    stop: async () => {
      isStopping = true;
      clearInterval(timer);
      await Promise.allSettled(running);
      await Promise.allSettled(publishers.map(({ keyId }) => hubCall(network, 'DELETE', `/v1/keys/${keyId}`)));
    },
  };
}

async function act(
  network: LocalNetwork,
  random: Random,
  adIds: readonly string[],
  publishers: readonly Publisher[],
  publisherIds: readonly string[],
): Promise<void> {
  const visit = drawVisit(random, adIds, publisherIds);
  if (random() < LATE_DELIVERY_SHARE) return deliverLate(network, random, visit);
  const pops = Object.values(network.edgeUrls);
  const edgeUrl = pops[Math.floor(random() * pops.length)] as string;
  const publisher = publishers.find(({ publisherId }) => publisherId === visit.publisherId) as Publisher;
  await browse(edgeUrl, publisher, visit);
}

/** Mint, see, click: what a page with our tag and the person before it do. */
async function browse(edgeUrl: string, publisher: Publisher, visit: Visit): Promise<void> {
  const reply = await fetch(`${edgeUrl}/v1/nonces`, {
    method: 'POST',
    headers: { authorization: `Bearer ${publisher.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ adId: visit.adId, publisherId: visit.publisherId, placementId: 'top', userPseudoId: visit.viewer }),
  });
  if (!reply.ok) throw new Error(`POST /v1/nonces answered ${reply.status}`);
  const { tokens } = (await reply.json()) as { tokens: { impressionUrl: string; clickUrl: string }[] };
  const { impressionUrl, clickUrl } = tokens[0] as (typeof tokens)[number];
  const headers = { 'user-agent': visit.agent };
  await drain(fetch(impressionUrl, { headers }));
  if (visit.viewable) await drain(fetch(`${impressionUrl}?v=1`, { headers }));
  if (visit.prefetches) await drain(fetch(clickUrl, { headers: { ...headers, 'sec-purpose': 'prefetch' }, redirect: 'manual' }));
  if (visit.clicks) await drain(fetch(clickUrl, { headers, redirect: 'manual' }));
  if (visit.clicksTwice) await drain(fetch(clickUrl, { headers, redirect: 'manual' }));
}

/** An app that was offline sends its impression and click minutes after they happened, by its own server. */
async function deliverLate(network: LocalNetwork, random: Random, visit: Visit): Promise<void> {
  const happenedMs = Date.now() - 60_000 - Math.floor(random() * 600_000);
  const impressionId = crypto.randomUUID();
  const common = { adId: visit.adId, publisherId: visit.publisherId, userPseudoId: visit.viewer, deviceType: 'mobile' };
  const events = [
    { ...common, eventType: 'impression', impressionId, timestampMs: happenedMs },
    { ...common, eventType: 'click', clickId: crypto.randomUUID(), impressionId, timestampMs: happenedMs + 4_000 },
  ];
  await drain(
    fetch(`${Object.values(network.edgeUrls)[0]}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${network.secrets.apiKeys.ingest}`, 'content-type': 'application/json' },
      body: JSON.stringify({ events }),
    }),
  );
}

async function issueKey(network: LocalNetwork, publisherId: string): Promise<Publisher> {
  const issued = await hubCall(network, 'POST', '/v1/keys', { scopes: [`publisher:${publisherId}`], name: 'demo tag' });
  return { publisherId, ...(issued as { keyId: string; key: string }) };
}

async function hubCall(network: LocalNetwork, method: string, path: string, body?: object): Promise<unknown> {
  const reply = await fetch(`${network.hubUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${network.secrets.apiKeys.ops}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!reply.ok) throw new Error(`${method} ${path} answered ${reply.status}: ${await reply.text()}`);
  return reply.status === 204 ? null : reply.json();
}

async function drain(reply: Promise<Response>): Promise<void> {
  await (await reply).arrayBuffer();
}
