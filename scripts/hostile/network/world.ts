import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { call, putCatalogue } from '../../../local/testing/http.ts';
import { RunningNetwork, type ReadyFile } from '../../../local/testing/running-network.ts';

/** Two tenants on each side, who must never hear of one another. */
export const TENANTS = ['acme', 'rival'] as const;
export type TenantName = (typeof TENANTS)[number];
export const otherThan = (tenant: TenantName): TenantName => (tenant === 'acme' ? 'rival' : 'acme');

/** Where the ads of this network lead. */
export const landingOf = (tenant: string): string => `https://${tenant}.example/p/a%20b?q=%E2%9C%93&x=1&x=2#frag`;
export const BROWSER = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36';

/** What no refusal may say: where a fault happened, in whose words, or in which file. */
const REVEALING = /\bat [\w.<>]+ \(|\.[cm]?[jt]s:\d+|node_modules|\/(?:home|root|tmp|usr|work)\/|DB::Exception|SQLITE_|SELECT\s|(?:Type|Range|Reference|Syntax|Tracking)Error|\bstack\b/;

export type Reply = Awaited<ReturnType<typeof call>>;

/** A running network, as `npm start -- --no-demo` runs it, with two tenants in it; and everything that its refusals said. */
export class World {
  readonly network: RunningNetwork;
  /** By name: `advertiser:acme`, `publisher:rival`, `tenant:acme` (ingests for acme alone), and the ready file's. */
  readonly keys = new Map<string, string>();
  readonly #revealing: string[] = [];
  #replies = 0;

  private constructor(network: RunningNetwork) {
    this.network = network;
  }

  static async start(): Promise<World> {
    const world = new World(await RunningNetwork.start());
    await putCatalogue(world.info, catalogue());
    for (const [name, key] of Object.entries(world.info.keys)) world.keys.set(name, key);
    for (const tenant of TENANTS) {
      world.keys.set(`advertiser:${tenant}`, await world.makeKey([`advertiser:${tenant}`]));
      world.keys.set(`publisher:${tenant}`, await world.makeKey([`publisher:pub-${tenant}`]));
      world.keys.set(`tenant:${tenant}`, await world.makeKey(['ingest', `advertiser:${tenant}`]));
    }
    return world;
  }

  get info(): ReadyFile {
    return this.network.info;
  }

  /** How many replies were looked at, and those among the refusals that told too much. */
  get heard(): { replies: number; revealing: readonly string[] } {
    return { replies: this.#replies, revealing: this.#revealing };
  }

  key(name: string): string {
    const key = this.keys.get(name);
    if (key === undefined) throw new Error(`no key ${name}`);
    return key;
  }

  async makeKey(scopes: readonly string[], more: object = {}): Promise<string> {
    const reply = await call(`${this.info.hubUrl}/v1/keys`, { key: this.info.keys.ops, method: 'POST', body: { scopes, ...more } });
    if (reply.status !== 201) throw new Error(`POST /v1/keys answered ${reply.status}: ${reply.text}`);
    return (reply.json as { key: string }).key;
  }

  /** Asks the edge or the hub; whatever a refusal says is looked at. */
  async ask(where: 'edge' | 'hub', path: string, options: Parameters<typeof call>[1] = {}): Promise<Reply> {
    const reply = await call(`${where === 'edge' ? this.info.edgeUrl : this.info.hubUrl}${path}`, options);
    this.hear(`${options.method ?? 'GET'} ${path.slice(0, 80)}`, reply.status, reply.text);
    return reply;
  }

  /** Looks at a refusal. */
  hear(what: string, status: number, text: string): void {
    this.#replies++;
    if (status >= 400 && (REVEALING.test(text) || text.length > 1_000)) this.#revealing.push(`${what}: ${status} ${text.slice(0, 300)}`);
  }

  /** Tokens for an ad, minted by its own publisher. */
  async mint(tenant: TenantName, count = 1, pop = this.info.edgeUrl): Promise<{ token: string; path: string }[]> {
    const body = { adId: `ad-${tenant}`, publisherId: `pub-${tenant}`, count };
    const reply = await call(`${pop}/v1/nonces`, { key: this.key(`publisher:${tenant}`), method: 'POST', body });
    if (reply.status !== 200) throw new Error(`POST /v1/nonces answered ${reply.status}: ${reply.text}`);
    return (reply.json as { tokens: { token: string; clickUrl: string }[] }).tokens.map(({ token, clickUrl }) => ({ token, path: new URL(clickUrl).pathname }));
  }

  /** Resident megabytes of each process, now and at their highest. */
  memory(): Record<'workerd' | 'hub', { nowMib: number; peakMib: number }> {
    const of = (pid: number) => {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      const mib = (field: string) => Math.round(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1_024);
      return { nowMib: mib('VmRSS'), peakMib: mib('VmHWM') };
    };
    return { workerd: of(this.info.pids.workerd), hub: of(this.info.pids.hub) };
  }

  /** Runs `attack` and says by how much each process grew to its peak; fails above `maxGrowthMib`. */
  async staysFlat(name: string, maxGrowthMib: number, attack: () => Promise<void>): Promise<void> {
    const before = this.memory();
    await attack();
    const after = this.memory();
    const growth = { workerd: after.workerd.nowMib - before.workerd.nowMib, hub: after.hub.nowMib - before.hub.nowMib };
    const peak = { workerd: after.workerd.peakMib - Math.max(before.workerd.peakMib, before.workerd.nowMib), hub: after.hub.peakMib - Math.max(before.hub.peakMib, before.hub.nowMib) };
    console.log(`${name}: workerd ${before.workerd.nowMib} → ${after.workerd.nowMib} MiB (peak ${after.workerd.peakMib}), hub ${before.hub.nowMib} → ${after.hub.nowMib} MiB (peak ${after.hub.peakMib})`);
    for (const figure of [growth, peak]) {
      expect(figure.workerd, `${name}: workerd`).toBeLessThan(maxGrowthMib);
      expect(figure.hub, `${name}: hub`).toBeLessThan(maxGrowthMib);
    }
  }
}

function catalogue(): object {
  return {
    advertisers: TENANTS.map((tenant) => ({ advertiserId: tenant })),
    publishers: TENANTS.map((tenant) => ({ publisherId: `pub-${tenant}` })),
    campaigns: TENANTS.map((tenant) => ({ campaignId: `camp-${tenant}`, advertiserId: tenant, clickWindowMs: 0 })),
    ads: TENANTS.map((tenant) => ({
      adId: `ad-${tenant}`,
      campaignId: `camp-${tenant}`,
      creativeId: `cr-${tenant}`,
      landingUrl: landingOf(tenant),
      publisherIds: [`pub-${tenant}`],
      pricing: { model: 'cpc', micros: tenant === 'acme' ? 100_000 : 777_000, currency: 'USD' },
    })),
  };
}
