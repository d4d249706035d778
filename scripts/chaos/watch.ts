import { setTimeout as sleep } from 'node:timers/promises';
import { call, queryRows, type Conservation } from '../../local/testing/http.ts';
import { REPORTED_CAMPAIGN } from './ad-names.ts';
import { residentMb } from './processes.ts';
import type { Stage } from './stage.ts';
import type { Traffic } from './traffic.ts';

/** What an operator promises: an acknowledged event is in every query within this. */
const FRESH_WITHIN_MS = 5_000;
const SAMPLE_MS = 500;
const METRICS = 'impressions,clicks';

type Sample = { readonly atMs: number; readonly reported: number; readonly visible: number | null };

/** Looks at a stage from outside while it breaks and mends: how far queries are behind what was acknowledged, and how much memory is taken. */
export class Watch {
  readonly samples: Sample[] = [];
  readonly peakMb = { workerd: 0, hub: 0 };
  readonly #stage: Stage;
  readonly #traffic: Traffic;
  readonly #sinceMs: number;
  #isOver = false;
  readonly #running: Promise<void>;

  constructor(stage: Stage, traffic: Traffic, sinceMs: number) {
    this.#stage = stage;
    this.#traffic = traffic;
    this.#sinceMs = sinceMs;
    this.#running = this.#run();
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  /** What the query API counts of reported events; null while no hub answers. */
  get visible(): number | null {
    return this.samples.at(-1)?.visible ?? null;
  }

  /** Resolves when queries show everything that was acknowledged 5 s ago; gives the milliseconds since `liftedAtMs`, the end of the fault: Infinity when it takes longer than `withinMs`. */
  async untilFresh(liftedAtMs: number, withinMs: number): Promise<number> {
    for (;;) {
      const latest = this.samples.at(-1);
      const atMs = latest?.atMs ?? 0;
      const owed = this.samples.findLast((sample) => sample.atMs <= Math.max(liftedAtMs, atMs - FRESH_WITHIN_MS));
      if (latest !== undefined && atMs > liftedAtMs && latest.visible !== null && owed !== undefined && latest.visible >= owed.reported) return atMs - liftedAtMs;
      if (performance.now() - liftedAtMs > withinMs) return Infinity;
      await sleep(SAMPLE_MS / 5);
    }
  }

  /** `<kind> <adId>` → what `/v1/query` counts. */
  async totals(): Promise<Map<string, number>> {
    const rows = await queryRows(this.#stage.info, { metrics: METRICS, group_by: 'ad_id', filter: 'advertiser_id:chaos', granularity: 'total', ...this.range() });
    return new Map(rows.flatMap((row) => [[`impression ${row.ad_id}`, Number(row.impressions)] as const, [`click ${row.ad_id}`, Number(row.clicks)] as const]).filter(([, count]) => count > 0));
  }

  range(): { from: string; to: string } {
    return { from: secondOf(this.#sinceMs - 60_000), to: secondOf(Date.now() + 120_000) };
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const { reported } = this.#traffic.ledger;
      const atMs = performance.now();
      const visible = await this.#askVisible();
      this.samples.push({ atMs, reported, visible });
      const { workerd, hub } = this.#stage.info.pids;
      this.peakMb.workerd = Math.max(this.peakMb.workerd, residentMb(workerd));
      this.peakMb.hub = Math.max(this.peakMb.hub, residentMb(hub));
      await sleep(SAMPLE_MS);
    }
  }

  async #askVisible(): Promise<number | null> {
    const search = new URLSearchParams({ metrics: METRICS, filter: `campaign_id:${REPORTED_CAMPAIGN}`, granularity: 'total', ...this.range() });
    for (const url of this.#stage.hubUrls) {
      const reply = await fetch(`${url}/v1/query?${search}`, { headers: { authorization: `Bearer ${this.#stage.info.keys.ops}` }, signal: AbortSignal.timeout(2_000) })
        .then(async (answer) => (answer.ok ? ((await answer.json()) as { rows: Record<string, string | number>[] }) : null))
        .catch(() => null);
      if (reply !== null) return Number(reply.rows[0]?.impressions ?? 0) + Number(reply.rows[0]?.clicks ?? 0);
    }
    return null;
  }
}

/** Waits until every stage agrees and nothing is under way; tells how long conservation has not held otherwise. */
export async function untilConserved(stage: Stage, range: { from: string; to: string }, withinMs: number): Promise<boolean> {
  const deadlineMs = performance.now() + withinMs;
  let last = '';
  let sameSinceMs = performance.now();
  for (;;) {
    const reply = await call(`${stage.info.hubUrl}/v1/ops/conservation?${new URLSearchParams(range)}`, { key: stage.info.keys.ops }).catch(() => null);
    if (reply === null || reply.text !== last) sameSinceMs = performance.now();
    last = reply?.text ?? '';
    const report = reply?.status === 200 ? (reply.json as Conservation) : null;
    if (report !== null && report.holds && report.inFlight === 0 && performance.now() - sameSinceMs > 2_500) return true;
    if (performance.now() > deadlineMs) {
      console.error(`conservation does not come to rest: ${last.slice(0, 3_000)}`);
      return false;
    }
    await sleep(250);
  }
}

function secondOf(timeMs: number): string {
  return new Date(Math.floor(timeMs / 1_000) * 1_000).toISOString();
}
