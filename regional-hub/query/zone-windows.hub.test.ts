import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mulberry32 } from '../../schemas/testing/mulberry32.ts';
import { clicksReport, hourlyReport } from './reports.ts';
import { runQuery } from './query-service.ts';
import { parseQueryRequest } from './request.ts';
import type { Tenant } from './tenant.ts';
import { openDeltaStore, type TestDelta } from './testing/delta-store.ts';
import { windowWalker } from './testing/local-labels.ts';

const ALL: Tenant = { kind: 'all' };
const at = (text: string) => Date.parse(text) / 1_000;
const click = (ad: string, second: number): TestDelta => ({ second, advertiser_id: 'acme', campaign_id: ad, ad_id: ad, publisher_id: 'p', kind: 'click', disposition: 'counted', count: 1 });

let store: Awaited<ReturnType<typeof openDeltaStore>>;
// Half anywhere, half about the instants at which some of the zones change.
const CHANGES = ['2026-02-15', '2026-03-08', '2026-03-22', '2026-03-29', '2026-04-05', '2026-04-24', '2026-09-06', '2026-09-20', '2026-10-04', '2026-10-25', '2026-10-30', '2026-11-01'];
const random = mulberry32(11);
const seconds = Array.from({ length: 1_500 }, (_, i) =>
  i % 2 === 0 ? at('2026-01-01') + Math.floor(random() * 450 * 86_400) : at(CHANGES[Math.floor(random() * CHANGES.length)] as string) + Math.floor((random() * 3 - 1) * 86_400),
);

beforeAll(async () => {
  store = await openDeltaStore(Date.UTC(2026, 9, 1));
  for (let i = 0; i < seconds.length; i += 500) await store.insert(seconds.slice(i, i + 500).map((second) => click('any', second)));
  // One click in every hour, at half past.
  for (const [ad, from, hours] of [['september', '2026-09-04', 120], ['november', '2026-11-19', 96], ['apia', '2011-12-28', 120]] as const) {
    await store.insert(Array.from({ length: hours }, (_, hour) => click(ad, at(from) + hour * 3_600 + 1_800)));
  }
}, 120_000);
afterAll(() => store?.close());

const ask = async (text: string) => (await runQuery(store.deps, parseQueryRequest(new URLSearchParams(`metrics=clicks&${text}`)), ALL)).rows.map(({ window, clicks }) => [window, clicks]);

describe('windows in a zone, by the real engine', () => {
  const zones = [
    'Africa/Casablanca', 'Africa/El_Aaiun', 'America/Vancouver', 'America/Edmonton', 'America/Santiago', 'America/Havana', 'Africa/Cairo',
    'Asia/Beirut', 'Europe/Berlin', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'America/Nuuk', 'Antarctica/Troll', 'Africa/Abidjan', 'UTC',
  ];
  it.each(zones)('%s: every instant falls into the hour and the day that its clock shows', async (tz) => {
    for (const granularity of ['1h', '1d'] as const) {
      const walked = windowWalker(tz, granularity);
      const ranges = [null, ...Array.from({ length: 4 }, () => [at('2026-01-01') + Math.floor(random() * 250 * 86_400), at('2026-09-01') + Math.floor(random() * 100 * 86_400)] as const)];
      for (const range of ranges) {
        const [from, to] = range ?? [0, Infinity];
        const expected = new Map<number, number>();
        for (const second of seconds) if (second >= from && second < to) expected.set(walked(second), (expected.get(walked(second)) ?? 0) + 1);
        const rows = await ask(`filter=ad_id:any&tz=${tz}&granularity=${granularity}${range === null ? '' : `&from=${from * 1_000}&to=${to * 1_000}`}`);
        expect(rows).toEqual([...expected].toSorted(([a], [b]) => a - b).map(([window, clicks]) => [new Date(window * 1_000).toISOString(), clicks]));
      }
    }
  });

  it('a day whose midnight does not exist has its own hours, as a total and as a window', async () => {
    const santiago = 'filter=ad_id:september&tz=America/Santiago';
    expect(await ask(`${santiago}&from=2026-09-05&to=2026-09-06`)).toEqual([['2026-09-05T04:00:00.000Z', 24]]);
    expect(await ask(`${santiago}&from=2026-09-06&to=2026-09-07`)).toEqual([['2026-09-06T04:00:00.000Z', 23]]);
    expect(await ask(`${santiago}&granularity=1d&from=2026-09-06&to=2026-09-07`)).toEqual([['2026-09-06T04:00:00.000Z', 23]]);
    expect(await ask(`${santiago}&granularity=1d&from=2026-09-05&to=2026-09-07`)).toEqual([
      ['2026-09-05T04:00:00.000Z', 24],
      ['2026-09-06T04:00:00.000Z', 23],
    ]);
  });

  it.each(['Africa/Casablanca', 'Africa/El_Aaiun', 'America/Vancouver', 'America/Edmonton'])('%s: whole days asked for are whole days told, though the engine knows other clocks', async (tz) => {
    const rows = await ask(`filter=ad_id:november&tz=${tz}&granularity=1d&from=2026-11-20&to=2026-11-22`);
    expect(rows.map(([, clicks]) => clicks)).toEqual([24, 24]);
    const totals = await ask(`filter=ad_id:november&tz=${tz}&from=2026-11-20&to=2026-11-21`);
    expect(totals).toEqual(rows.slice(0, 1));
  });

  it('a day that a zone left out has no window', async () => {
    expect(await ask('filter=ad_id:apia&tz=Pacific/Apia&granularity=1d&from=2011-12-28&to=2012-01-01')).toEqual([
      ['2011-12-28T10:00:00.000Z', 24],
      ['2011-12-29T10:00:00.000Z', 24],
      ['2011-12-30T10:00:00.000Z', 24],
    ]);
  });

  it("an ad's clicks and a campaign's hours have the same windows", async () => {
    const search = (text: string) => new URLSearchParams(text);
    const days = await clicksReport(store.deps, search('ad_id=november&tz=Africa/Casablanca&granularity=1d&from=2026-11-20&to=2026-11-22'), ALL);
    expect(days.points.map(({ windowStart, clicks }) => [windowStart, clicks])).toEqual([['2026-11-20T00:00:00.000Z', 24], ['2026-11-21T00:00:00.000Z', 24]]);
    const { buckets } = await hourlyReport(store.deps, 'september', search('tz=Australia/Lord_Howe&from=2026-09-05T12:00&to=2026-09-05T14:00'), ALL);
    expect(buckets.map(({ hour, clicks }) => [hour, clicks])).toEqual([['2026-09-05T01:30:00.000Z', 1], ['2026-09-05T02:30:00.000Z', 1]]);
  });
});
