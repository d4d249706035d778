import type { HistoricClick } from '../../simulation/history/mobile-clicks.ts';
import { postEvents, putCatalogue, queryRows } from './http.ts';
import type { ReadyFile } from './running-network.ts';

const METRICS = ['clicks', 'gross_clicks', 'duplicate_clicks', 'held_clicks', 'filtered_clicks'];

/** Registers a campaign with `adIds` under one click window. */
export function registerAds(info: ReadyFile, campaignId: string, adIds: readonly string[], clickWindowMs: number): Promise<void> {
  return putCatalogue(info, {
    advertisers: [{ advertiserId: 'history' }],
    campaigns: [{ campaignId, advertiserId: 'history', clickWindowMs }],
    ads: adIds.map((adId) => ({
      adId,
      campaignId,
      landingUrl: 'https://shop.example/',
      pricing: { model: 'cpc', micros: 100_000, currency: 'USD' },
    })),
  });
}

/** Posts batches in order, each `copies` times; returns the clicks in the order in which they were acknowledged. */
export async function postHistory(
  info: () => ReadyFile,
  clicks: readonly HistoricClick[],
  options: { batch: number; copies: number; onBatch?: (index: number) => Promise<void> },
): Promise<HistoricClick[]> {
  const arrivals: HistoricClick[] = [];
  for (let from = 0, index = 0; from < clicks.length; from += options.batch, index++) {
    const batch = clicks.slice(from, from + options.batch);
    for (let copy = 0; copy < options.copies; copy++) {
      await postEvents(info, batch);
      arrivals.push(...batch);
    }
    await options.onBatch?.(index);
  }
  return arrivals;
}

/** `<adId> <hour, ISO> <metric>` → count, zeros left out, as `/v1/query` tells it. */
export async function queriedClicks(info: ReadyFile, campaignId: string, range: { from: string; to: string }): Promise<Map<string, number>> {
  const rows = await queryRows(info, {
    metrics: METRICS.join(','),
    group_by: 'ad_id',
    filter: `campaign_id:${campaignId}`,
    granularity: '1h',
    limit: '100000',
    ...range,
  });
  const counts = new Map<string, number>();
  for (const row of rows) {
    for (const metric of METRICS) {
      const count = Number(row[metric]);
      if (count !== 0) counts.set(`${row.ad_id} ${new Date(String(row.window)).toISOString()} ${metric}`, count);
    }
  }
  return counts;
}

/** Where two sets of figures differ, in words; empty when they agree. */
export function differences(got: ReadonlyMap<string, number>, expected: ReadonlyMap<string, number>): string[] {
  const names = new Set([...got.keys(), ...expected.keys()]);
  return [...names].filter((name) => (got.get(name) ?? 0) !== (expected.get(name) ?? 0)).map((name) => `${name}: ${got.get(name) ?? 0}, oracle ${expected.get(name) ?? 0}`);
}
