import { once } from 'node:events';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { DEFAULT_REDIRECT_BUDGET_MS } from '../../edge-worker/config.ts';
import { call } from '../../local/testing/http.ts';
import { chaosAds, PAGE_CAMPAIGN, PUBLISHER } from './ad-names.ts';
import type { EventName, Ledger } from './ledger.ts';
import { startProgram } from './processes.ts';
import type { Follow } from './redirect-probe.ts';
import type { Stage } from './stage.ts';

const PROBE = fileURLToPath(new URL('./redirect-probe.ts', import.meta.url));
const TOKENS_AN_ORDER = 100;

/** How long people were kept waiting for their redirect. */
export type RedirectReport = { readonly followed: number; readonly redirected: number; readonly p50Ms: number; readonly p99Ms: number };

/** Starts people who follow links, in a process of their own; `end` stops them, enters them into the books and tells how they fared. */
export async function followLinks(stage: Stage, ledger: Ledger, most: number): Promise<{ end(): Promise<RedirectReport> }> {
  const links = await mintLinks(stage, most);
  const probe = await startProgram(PROBE, [], { readyLine: 'probe ready', ipc: true });
  probe.send({ urls: links.map(({ url }) => url) });
  return {
    end: async () => {
      const told = once(probe, 'message') as Promise<[{ follows: Follow[] }]>;
      probe.send('end');
      const [{ follows }] = await told;
      follows.forEach((follow, index) => enter(ledger, links[index] as Link, follow));
      return reportOf(follows);
    },
  };
}

type Link = { readonly name: EventName; readonly url: string };

async function mintLinks({ info, publisherKey }: Stage, most: number): Promise<Link[]> {
  const pops = Object.values(info.edgeUrls);
  const adIds = chaosAds(PAGE_CAMPAIGN, Object.keys(info.edgeUrls));
  const links: Link[] = [];
  while (links.length < most) {
    const adId = adIds[(links.length / TOKENS_AN_ORDER) % adIds.length] as string;
    const pop = pops[(links.length / TOKENS_AN_ORDER) % pops.length] as string;
    // A viewer each, so that no click repeats another.
    const orders = Array.from({ length: TOKENS_AN_ORDER }, () => ({ adId, publisherId: PUBLISHER, userPseudoId: randomUUID() }));
    for (const body of orders) {
      const reply = await call(`${pop}/v1/nonces`, { key: publisherKey, method: 'POST', body });
      const [minted] = (reply.json as { tokens: { token: string; impressionId: string }[] }).tokens;
      if (minted !== undefined) links.push({ name: { kind: 'click', adId, id: minted.impressionId }, url: `${pop}/v1/c/${minted.token}` });
    }
  }
  return links;
}

function enter(ledger: Ledger, { name }: Link, { status, tookMs }: Follow): void {
  ledger.send(name);
  if (status === 302) ledger.answer(name, tookMs < DEFAULT_REDIRECT_BUDGET_MS ? 'acknowledged' : 'unconfirmed');
}

function reportOf(follows: readonly Follow[]): RedirectReport {
  const times = follows.filter(({ status }) => status === 302).map(({ tookMs }) => tookMs).toSorted((a, b) => a - b);
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Infinity;
  return { followed: follows.length, redirected: times.length, p50Ms: at(0.5), p99Ms: at(0.99) };
}
