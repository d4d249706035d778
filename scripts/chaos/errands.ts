import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_REDIRECT_BUDGET_MS } from '../../edge-worker/config.ts';
import type { ReadyFile } from '../../local/testing/running-network.ts';
import { PUBLISHER } from './ad-names.ts';
import { ask, type Answer, type Request } from './http.ts';
import type { EventName, Ledger } from './ledger.ts';

/** What a client has: where the network is now, the books, and a count of how it was answered. */
export type Client = {
  readonly info: () => ReadyFile;
  /** For tokens; events are reported with the network's ingest key. */
  readonly publisherKey: string;
  readonly ledger: Ledger;
  readonly answers: AnswerCounts;
  readonly reportedAds: readonly string[];
  readonly pageAds: readonly string[];
  /** Set when clients should go home: what is not acknowledged by then stays open. */
  readonly givenUp: AbortSignal;
};

/** How attempts ended: by status, or `none` for those without an answer. */
export type AnswerCounts = Map<string, number>;

const AGENT = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36';
const RETRY_MS = 200;
/** Share of acknowledged requests that are sent once more, as an impatient client or a proxy does. */
const REPEATED_SHARE = 0.05;
/** A person looks at the page before the ad is clicked. */
const GLANCE_MS = 1_000;

/** A server that reports a batch of impressions and clicks: sends it until it is acknowledged. */
export async function reportBatch(client: Client, events: number): Promise<void> {
  const names = Array.from({ length: events }, (_, index) => newEvent(client, index % 4 === 0 ? 'click' : 'impression'));
  await post(client, names);
}

/** One event at a time, as a client without a queue sends it. */
export async function reportOne(client: Client): Promise<void> {
  await post(client, [newEvent(client, Math.random() < 0.5 ? 'click' : 'impression')]);
}

/** A page with our ad and the person before it: token, pixel, and a moment later the click. */
export async function browse(client: Client): Promise<void> {
  const adId = pick(client.pageAds);
  const order = JSON.stringify({ adId, publisherId: PUBLISHER, userPseudoId: randomUUID() });
  const minted = await untilStatus(client, () => attempt(client, '/v1/nonces', keyed(client.publisherKey, order)), [200, 201]);
  if (minted === null) return;
  const { tokens } = JSON.parse(minted.text) as { tokens: { token: string; impressionId: string }[] };
  const { token, impressionId: id } = tokens[0] as (typeof tokens)[number];
  await promised(client, { kind: 'impression', adId, id }, `/v1/i/${token}`, 200);
  await sleep(GLANCE_MS);
  await promised(client, { kind: 'click', adId, id }, `/v1/c/${token}`, 302);
}

/** A pixel or a redirect, repeated until it is answered. Only an answer within the redirect's budget says that the event is durable. */
async function promised(client: Client, name: EventName, path: string, status: number): Promise<void> {
  client.ledger.send(name);
  const request = { headers: { 'user-agent': AGENT } };
  const answer = await untilStatus(client, () => attempt(client, path, request), [status]);
  if (answer === null) return;
  client.ledger.answer(name, answer.tookMs < DEFAULT_REDIRECT_BUDGET_MS ? 'acknowledged' : 'unconfirmed');
  if (Math.random() < REPEATED_SHARE) await attempt(client, path, request);
}

async function post(client: Client, names: readonly EventName[]): Promise<void> {
  const body = JSON.stringify({ events: names.map(eventBody) });
  for (const name of names) client.ledger.send(name);
  const answer = await untilStatus(client, () => attempt(client, '/v1/events', keyed(client.info().keys.ingest, body)), [202, 409]);
  if (answer === null) return;
  const { rejected = [] } = JSON.parse(answer.text) as { rejected?: unknown[] };
  if (answer.status === 202 && rejected.length > 0) throw new Error(`events of ours were rejected: ${answer.text}`);
  for (const name of names) client.ledger.answer(name, 'acknowledged');
  if (Math.random() < REPEATED_SHARE) await attempt(client, '/v1/events', keyed(client.info().keys.ingest, body));
}

function eventBody({ kind, adId, id }: EventName) {
  return { eventType: kind, eventId: id, adId, publisherId: PUBLISHER, timestampMs: Date.now(), userPseudoId: id, userAgent: AGENT };
}

function keyed(key: string, body: string): Request {
  return { method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, body };
}

/** One attempt at one of the POPs: who fails at one tries another. */
async function attempt({ info, answers }: Client, path: string, request: Request): Promise<Answer> {
  const answer = await ask(pick(Object.values(info().edgeUrls)) + path, request);
  const outcome = answer.kind === 'none' ? 'none' : String(answer.status);
  answers.set(outcome, (answers.get(outcome) ?? 0) + 1);
  return answer;
}

/** Tries until one of `statuses` comes; null when the client was sent home. Throws on an answer that no repetition would change. */
async function untilStatus({ givenUp }: Client, work: () => Promise<Answer>, statuses: readonly number[]): Promise<Extract<Answer, { kind: 'answer' }> | null> {
  while (!givenUp.aborted) {
    const answer = await work();
    if (answer.kind === 'answer') {
      if (statuses.includes(answer.status)) return answer;
      if (answer.status < 500) throw new Error(`answered ${answer.status}: ${answer.text}`);
    }
    const waitMs = answer.kind === 'answer' ? Math.max(RETRY_MS, answer.retryAfterMs) : RETRY_MS;
    await sleep(waitMs * (0.5 + Math.random()));
  }
  return null;
}

function newEvent({ reportedAds }: Client, kind: EventName['kind']): EventName {
  return { kind, adId: pick(reportedAds), id: randomUUID() };
}

function pick<Item>(items: readonly Item[]): Item {
  return items[Math.floor(Math.random() * items.length)] as Item;
}
