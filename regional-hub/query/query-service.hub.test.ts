import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mulberry32 } from '../../schemas/testing/mulberry32.ts';
import { runQuery } from './query-service.ts';
import { clicksReport } from './reports.ts';
import { parseQueryRequest } from './request.ts';
import type { Tenant } from './tenant.ts';
import { openDeltaStore, STORED_AT_MS, type TestDelta } from './testing/delta-store.ts';

const NOW_MS = Date.UTC(2026, 9, 1);
const ALL: Tenant = { kind: 'all' };
const ACME: Tenant = { kind: 'advertiser', ids: ['acme'] };
const T0 = Date.UTC(2026, 2, 7) / 1_000;

let store: Awaited<ReturnType<typeof openDeltaStore>>;
const rows: TestDelta[] = randomDeltas(4_000, 7);

beforeAll(async () => {
  store = await openDeltaStore(NOW_MS);
  for (let i = 0; i < rows.length; i += 500) await store.insert(rows.slice(i, i + 500));
}, 120_000);
afterAll(() => store?.close());

const ask = (text: string, tenant: Tenant = ALL) => runQuery(store.deps, parseQueryRequest(new URLSearchParams(text)), tenant);

describe('runQuery against the real engine', () => {
  it('a total without dimensions is one row, of zeros where there is nothing', async () => {
    const { rows: found, meta } = await ask('metrics=clicks,ctr,spend_micros,unique_users,gross_clicks&from=2030-01-01&to=2030-01-02');
    expect(found).toEqual([{ window: '2030-01-01T00:00:00.000Z', clicks: 0, ctr: null, spend_micros: 0, unique_users: 0, gross_clicks: 0 }]);
    expect(meta).toMatchObject({ source: 'stream', version: 'live', approximate: true, suppressed: 0, cursor: null, watermarkMs: STORED_AT_MS });
  });

  it('an empty range is an empty answer, not the whole table', async () => {
    expect((await ask('metrics=clicks&from=2026-03-07T10:00:00Z&to=2026-03-07T10:00:00Z')).rows[0]).toMatchObject({ clicks: 0 });
    expect((await ask('metrics=clicks&granularity=1m&from=2026-03-07T10:00:00Z&to=2026-03-07T10:00:00.900Z')).rows).toEqual([]);
  });

  const zones = ['UTC', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe', 'Asia/Kathmandu'];
  const granularities = ['1s', '1m', '1h', '1d', 'total'] as const;
  for (const tz of zones) {
    for (const granularity of granularities) {
      it(`ragged ranges by ${granularity} in ${tz} equal a naive fold`, async () => {
        const random = mulberry32(granularity.length * 31 + tz.length);
        for (let round = 0; round < 4; round += 1) {
          const from = T0 + Math.floor(random() * 200_000);
          const to = from + Math.floor(random() * (granularity === '1s' ? 40_000 : 260_000));
          const groupBy = ['ad_id', 'country', 'publisher_id'].filter(() => random() < 0.4) as ('ad_id' | 'country' | 'publisher_id')[];
          const text = `metrics=impressions,clicks,billable_clicks,spend_micros,gross_clicks,duplicate_clicks,filtered_clicks,held_clicks,late_clicks,viewable_impressions,unique_users&granularity=${granularity}&tz=${tz}&from=${from * 1000}&to=${to * 1000}${groupBy.length > 0 ? `&group_by=${groupBy}` : ''}`;
          const { rows: found } = await ask(text);
          expect(found).toEqual(naiveFold(rows, { from, to, groupBy, windowOf: windowOf(granularity, tz, from), isTotal: granularity === 'total' }));
        }
      });
    }
  }

  it('a tenant sees its own rows only, whatever it asks', async () => {
    const texts = ['metrics=clicks,impressions&group_by=advertiser_id', 'metrics=clicks&group_by=advertiser_id,ad_id&granularity=1d', 'metrics=gross_clicks&group_by=advertiser_id&filter=ad_id:ad-0|ad-1|ad-2|ad-3'];
    for (const text of texts) {
      const own = await ask(text, ACME);
      expect(own.rows.length).toBeGreaterThan(0);
      expect(new Set(own.rows.map((row) => row['advertiser_id']))).toEqual(new Set(['acme']));
      const all = await ask(`${text}&filter=advertiser_id:acme`);
      expect(own.rows).toEqual(all.rows);
    }
    const both = await ask('metrics=clicks', { kind: 'publisher', ids: ['pub-0', 'pub-1'] });
    expect(both.rows).toEqual((await ask('metrics=clicks&filter=publisher_id:pub-0|pub-1')).rows);
  });

  it('values of callers are data, never SQL', async () => {
    const tenant: Tenant = { kind: 'advertiser', ids: ["x') OR 1=1 --", "acme' OR '1'='1", '\\', 'tab\there'] };
    expect((await ask('metrics=gross_clicks', tenant)).rows[0]).toMatchObject({ gross_clicks: 0 });
  });

  it.each([1, 2, 3, 7])('pages of %i rows show a tenant no cell of viewers that the whole answer withholds', async (limit) => {
    const people = { US: 120, DE: 60, FR: 55, CA: 3 };
    const cells = Object.entries(people).flatMap(([country, users], at) =>
      [0, 3_600].map((later) => ({ second: T0 + 500_000 + later, advertiser_id: 'paged', campaign_id: 'c', ad_id: `ad-${limit}`, publisher_id: 'p', country, kind: 'click', disposition: 'counted', count: users, viewers: Array.from({ length: users }, (_, n) => at * 1_000 + n) })),
    );
    await store.insert(cells);
    const paged: Tenant = { kind: 'advertiser', ids: ['paged'] };
    const text = `metrics=clicks&group_by=country&filter=ad_id:ad-${limit}&granularity=1h`;
    const whole = await ask(text, paged);
    expect(whole.rows.map((row) => row['country'])).toEqual(['DE', 'US', 'DE', 'US']);
    const pages: unknown[] = [];
    let suppressed = 0;
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { rows: page, meta } = await ask(`${text}&limit=${limit}${cursor === '' ? '' : `&cursor=${cursor}`}`, paged);
      expect(page.length).toBeLessThanOrEqual(limit);
      pages.push(...page);
      suppressed += meta.suppressed;
      cursor = meta.cursor;
    }
    expect(pages).toEqual(whole.rows);
    expect(suppressed).toBe(whole.meta.suppressed);
  });

  it('pages by cursor give every row once, in one order', async () => {
    const text = 'metrics=gross_clicks,clicks&group_by=ad_id,country&granularity=1h';
    const whole = await ask(text);
    const pages: unknown[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page = await ask(`${text}&limit=37${cursor === '' ? '' : `&cursor=${cursor}`}`);
      expect(page.rows.length).toBeLessThanOrEqual(37);
      pages.push(...page.rows);
      cursor = page.meta.cursor;
    }
    expect(pages).toEqual(whole.rows);
    const totals = 'metrics=clicks&group_by=ad_id';
    const first = await ask(`${totals}&limit=1`);
    const second = await ask(`${totals}&limit=100&cursor=${first.meta.cursor}`);
    expect([...first.rows, ...second.rows]).toEqual((await ask(totals)).rows);
  });

  it('sums beyond 2^53 keep every digit', async () => {
    const far = Date.UTC(2029, 0, 1) / 1_000;
    const row = { second: far, advertiser_id: 'big', campaign_id: 'big', ad_id: 'big', publisher_id: 'p', kind: 'click', disposition: 'counted', count: Number.MAX_SAFE_INTEGER, cost_nanos: 1_499 };
    await store.insert([row, { ...row, count: 5 }]);
    const { rows: found } = await ask('metrics=clicks,spend_micros&filter=ad_id:big');
    expect(found[0]).toMatchObject({ clicks: '9007199254740996', spend_micros: 3 });
  });

  it('tenants get no viewer cell of fewer than 50 people, and none beside it that would give it away', async () => {
    const second = Date.UTC(2029, 5, 1) / 1_000;
    const cell = (country: string, users: number, from: number): TestDelta => ({ second, advertiser_id: 'small', campaign_id: 'c', ad_id: 'small', publisher_id: 'p', country, kind: 'click', disposition: 'counted', count: users, viewers: Array.from({ length: users }, (_, i) => from + i) });
    await store.insert([cell('US', 200, 1_000), cell('CA', 60, 2_000), cell('FR', 3, 3_000)]);
    const tenant: Tenant = { kind: 'advertiser', ids: ['small'] };
    const seen = await ask('metrics=clicks&group_by=country', tenant);
    expect(seen.rows).toEqual([{ window: '1970-01-01T00:00:00.000Z', country: 'US', clicks: 200 }]);
    expect(seen.meta.suppressed).toBe(2);
    expect((await ask('metrics=clicks&group_by=country&filter=advertiser_id:small')).rows).toHaveLength(3);
    expect((await ask('metrics=clicks,unique_users', tenant)).rows[0]).toMatchObject({ clicks: 263, unique_users: 263 });
    expect((await ask('metrics=clicks&filter=country:FR', tenant)).rows).toEqual([]);
  });

  describe('filters by viewers pick among the cells of the breakdown', () => {
    const second = Date.UTC(2029, 6, 1, 10) / 1_000;
    const tenant: Tenant = { kind: 'advertiser', ids: ['picked'] };
    const day = `from=${second * 1_000}&to=${(second + 7_200) * 1_000}`;
    const cells = (ad_id: string, at: number, people: Readonly<Record<string, number>>, from: number): TestDelta[] =>
      Object.entries(people).map(([place, users], index) => {
        const [country = '', device_type = 'mobile'] = place.split(' ');
        return { second: at, advertiser_id: 'picked', campaign_id: 'c', ad_id, publisher_id: 'p', country, device_type, kind: 'click', disposition: 'counted', count: users, cost_nanos: users * 1_000, viewers: Array.from({ length: users }, (_, n) => from + index * 1_000 + n) };
      });
    beforeAll(() =>
      store.insert([
        ...cells('p1', second, { DE: 120, FR: 60, US: 2 }, 100_000),
        ...cells('p1', second + 3_600, { DE: 70, FR: 80, US: 90 }, 200_000),
        ...cells('p2', second, { 'DE desktop': 200, 'DE mobile': 100, 'FR desktop': 70, 'FR mobile': 90, 'US desktop': 300, 'US mobile': 3 }, 300_000),
        ...cells('p3', second, { DE: 3 }, 400_000),
      ]),
    );

    const shown = async (text: string, metrics = 'clicks') => {
      const { rows: found, meta } = await ask(`metrics=${metrics}&${day}&${text}`, tenant);
      return { rows: found.map(({ window: _window, ...row }) => Object.values(row).join(' ')), suppressed: meta.suppressed };
    };
    const hour = `filter=ad_id:p1&to=${(second + 3_600) * 1_000}`;
    const inHour = async (text: string, metrics = 'clicks') => {
      const { rows: found, meta } = await ask(`metrics=${metrics}&from=${second * 1_000}&${hour}&${text}`, tenant);
      return { rows: found.map(({ window: _window, ...row }) => Object.values(row).join(' ')), suppressed: meta.suppressed };
    };

    it.each([
      ['country:DE', ['120'], 0],
      ['country:FR', [], 1],
      ['country:US', [], 1],
      ['country:DE|US', ['120'], 1],
      ['country:FR|US', [], 2],
      ['country:DE|FR|US', ['120'], 2],
      ['country:SE', ['0'], 0],
    ])('%s in an hour that shows DE alone', async (filter, rows, suppressed) => {
      expect(await inHour(`filter=${filter}`)).toEqual({ rows, suppressed });
    });

    it('each window by its own cells, and each ad by its own', async () => {
      expect(await shown('filter=ad_id:p1&filter=country:FR&granularity=1h')).toEqual({ rows: ['80'], suppressed: 1 });
      expect(await shown('filter=ad_id:p1&filter=country:FR|US&granularity=1h')).toEqual({ rows: ['170'], suppressed: 2 });
      expect(await shown('group_by=ad_id&filter=ad_id:p1|p3&filter=country:DE|FR')).toEqual({ rows: ['p1 330'], suppressed: 1 });
    });

    it('counts and money are sums of the visible cells; people of one visible cell are told, of several not', async () => {
      expect(await inHour('filter=country:DE|FR', 'clicks,spend_micros,unique_users,ctr')).toEqual({ rows: ['120 120 120 '], suppressed: 1 });
      expect(await shown('filter=ad_id:p1&filter=country:DE|FR', 'clicks,spend_micros,unique_users')).toEqual({ rows: ['330 330 '], suppressed: 0 });
      expect(await shown('filter=ad_id:p2&filter=device_type:mobile|desktop&filter=country:DE', 'clicks,unique_users')).toEqual({ rows: ['300 '], suppressed: 0 });
    });

    it('a filter by one dimension and rows by the other show what the breakdown by both shows, in either order', async () => {
      expect(await shown('filter=ad_id:p2&group_by=country,device_type')).toEqual({ rows: ['DE desktop 200', 'DE mobile 100'], suppressed: 4 });
      expect(await shown('filter=ad_id:p2&group_by=device_type,country')).toEqual({ rows: ['desktop DE 200', 'mobile DE 100'], suppressed: 4 });
      expect(await shown('filter=ad_id:p2&group_by=country&filter=device_type:mobile')).toEqual({ rows: ['DE 100'], suppressed: 2 });
      expect(await shown('filter=ad_id:p2&group_by=device_type&filter=country:US')).toEqual({ rows: [], suppressed: 2 });
    });

    it('an operator is shown what it asks for', async () => {
      expect((await ask(`metrics=clicks,unique_users&from=${second * 1_000}&${hour}&filter=country:DE|US`)).rows[0]).toMatchObject({ clicks: 122, unique_users: 122 });
    });

    it('pages of a filtered breakdown hold the rows and withhold the cells of the whole answer', async () => {
      const text = `metrics=clicks&${day}&filter=ad_id:p1&group_by=country&filter=country:FR|US|DE&granularity=1h`;
      const whole = await ask(text, tenant);
      const pages: unknown[] = [];
      let suppressed = 0;
      for (let cursor: string | null = ''; cursor !== null; ) {
        const { rows: page, meta } = await ask(`${text}&limit=1${cursor === '' ? '' : `&cursor=${cursor}`}`, tenant);
        pages.push(...page);
        suppressed += meta.suppressed;
        cursor = meta.cursor;
      }
      expect([pages, suppressed]).toEqual([whole.rows, 2]);
      expect(whole.rows.map((row) => [row['country'], row['clicks']])).toEqual([['DE', 120], ['DE', 70], ['FR', 80], ['US', 90]]);
    });

    it('numbers of people under the floor are told in no shape of question', async () => {
      const range = `from=${second * 1_000}&to=${(second + 1) * 1_000}`;
      for (const shape of ['', '&granularity=1s', '&group_by=ad_id', '&granularity=1d&group_by=ad_id,region']) {
        const { rows: found, meta } = await ask(`metrics=clicks,unique_users&${range}&filter=ad_id:p3${shape}`, tenant);
        expect([found.length, found[0]?.['clicks'], found[0]?.['unique_users'], meta.suppressed], shape).toEqual([1, 3, null, 1]);
      }
      expect((await ask(`metrics=unique_users&${range}&filter=ad_id:p3`)).rows[0]).toMatchObject({ unique_users: 3 });
    });

    it('the report of clicks withholds the same cells and numbers, and counts them', async () => {
      const report = (text: string, reader: Tenant = tenant) => clicksReport(store.deps, new URLSearchParams(`${day}&${text}`), reader);
      for (const granularity of ['total', '1m', '1h']) {
        expect(await report(`ad_id=p3&granularity=${granularity}`)).toMatchObject({ points: [{ clicks: 3, uniqueUsers: null }], suppressed: 1 });
        expect(await report(`ad_id=p3&granularity=${granularity}`, ALL)).toMatchObject({ points: [{ clicks: 3, uniqueUsers: 3 }], suppressed: 0 });
      }
      const { points, suppressed } = await report('ad_id=p1&granularity=1h&breakdown=country');
      expect(points.map(({ breakdown }) => breakdown)).toEqual([{ DE: 120 }, { DE: 70, FR: 80, US: 90 }]);
      expect(suppressed).toBe(2);
    });

    it('the report of clicks judges a cell by the people that the query judges it by: else one would show what the other hides', async () => {
      const clickers = cells('p4', second, { DE: 51, FR: 52, IT: 5, US: 80 }, 500_000);
      const viewers = cells('p4', second, { DE: 100, FR: 55, IT: 30, US: 90 }, 500_000).map((row) => ({ ...row, kind: 'impression' }));
      await store.insert([...clickers, ...viewers]);
      expect(await shown('filter=ad_id:p4&group_by=country')).toEqual({ rows: ['DE 51', 'US 80'], suppressed: 2 });
      const { points, suppressed } = await clicksReport(store.deps, new URLSearchParams(`${day}&ad_id=p4&granularity=1h&breakdown=country`), tenant);
      expect([points.map(({ breakdown }) => breakdown), suppressed]).toEqual([[{ DE: 51, US: 80 }], 2]);
    });
  });
});

type Fold = { from: number; to: number; groupBy: readonly ('ad_id' | 'country' | 'publisher_id')[]; windowOf: (second: number) => number; isTotal: boolean };

/** Written from the meaning of each metric; knows no table but the rows themselves. */
function naiveFold(all: readonly TestDelta[], { from, to, groupBy, windowOf, isTotal }: Fold): object[] {
  const groups = new Map<string, TestDelta[]>();
  if (isTotal && groupBy.length === 0) groups.set(JSON.stringify([from]), []);
  for (const row of all) {
    if (row.second < from || row.second >= to) continue;
    const key = JSON.stringify([windowOf(row.second), ...groupBy.map((dimension) => row[dimension])]);
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  const keys = [...groups.keys()].sort((a, b) => compare(JSON.parse(a) as unknown[], JSON.parse(b) as unknown[]));
  return keys.map((key) => {
    const own = groups.get(key) ?? [];
    const [window, ...dimensions] = JSON.parse(key) as [number, ...string[]];
    const sum = (pick: (row: TestDelta) => number) => own.reduce((total, row) => total + pick(row), 0);
    const of = (kind: string, disposition: string) => sum((row) => (row.kind === kind && row.disposition === disposition ? row.count : 0));
    const clicks = of('click', 'counted');
    const duplicate = of('click', 'duplicate');
    const filtered = of('click', 'filtered');
    const held = of('click', 'held');
    return {
      window: new Date(window * 1_000).toISOString(),
      ...Object.fromEntries(groupBy.map((dimension, i) => [dimension, dimensions[i]])),
      impressions: of('impression', 'counted'),
      clicks,
      billable_clicks: sum((row) => row.billable ?? 0),
      spend_micros: Math.round(sum((row) => row.cost_nanos ?? 0) / 1_000),
      gross_clicks: clicks + duplicate + filtered + held,
      duplicate_clicks: duplicate,
      filtered_clicks: filtered,
      held_clicks: held,
      late_clicks: sum((row) => (row.kind === 'click' ? (row.late ?? 0) : 0)),
      viewable_impressions: sum((row) => row.viewable ?? 0),
      unique_users: new Set(own.filter((row) => row.disposition === 'counted').flatMap((row) => row.viewers ?? [])).size,
    };
  });
}

function compare(a: readonly unknown[], b: readonly unknown[]): number {
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return (a[i] as number | string) < (b[i] as number | string) ? -1 : 1;
  return 0;
}

/** First second of the local hour or day, found by stepping back a minute at a time until the local label changes. */
function windowOf(granularity: '1s' | '1m' | '1h' | '1d' | 'total', tz: string, from: number): (second: number) => number {
  if (granularity === 'total') return () => from;
  if (granularity === '1s') return (second) => second;
  if (granularity === '1m') return (second) => second - (second % 60);
  const format = new Intl.DateTimeFormat('en-GB', { timeZone: tz, year: 'numeric', month: '2-digit', day: '2-digit', ...(granularity === '1h' ? { hour: '2-digit', hourCycle: 'h23', timeZoneName: 'longOffset' } : {}) });
  const cache = new Map<number, number>();
  return (second) => {
    const minute = second - (second % 60);
    const held = cache.get(minute);
    if (held !== undefined) return held;
    const label = format.format(minute * 1_000);
    let start = minute;
    while (format.format((start - 60) * 1_000) === label) start -= 60;
    cache.set(minute, start);
    return start;
  };
}

function randomDeltas(count: number, seed: number): TestDelta[] {
  const random = mulberry32(seed);
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;
  return Array.from({ length: count }, (): TestDelta => {
    const kind = pick(['impression', 'click', 'viewable']);
    const disposition = kind === 'viewable' ? 'counted' : pick(['counted', 'counted', 'counted', 'duplicate', 'filtered', 'held']);
    const isCounted = disposition === 'counted';
    const ad = Math.floor(random() * 4);
    return {
      second: T0 + Math.floor(random() * 400_000),
      advertiser_id: ad < 2 ? 'acme' : 'rival',
      campaign_id: `camp-${ad >> 1}`,
      ad_id: `ad-${ad}`,
      publisher_id: pick(['pub-0', 'pub-1', 'pub-2']),
      country: pick(['', 'US', 'FR']),
      device_type: pick(['mobile', 'desktop']),
      region: pick(['us', 'eu']),
      kind,
      disposition,
      reason: isCounted ? '' : 'retry',
      count: 1 + Math.floor(random() * 3),
      billable: isCounted && kind === 'click' ? pick([-1, 0, 1, 2]) : 0,
      viewable: isCounted && kind !== 'click' ? pick([0, 1]) : 0,
      late: isCounted ? pick([0, 1]) : 0,
      cost_nanos: isCounted ? Math.floor(random() * 900_000) + 1 : 0,
      viewers: Array.from({ length: Math.floor(random() * 3) }, () => Math.floor(random() * 60)),
    };
  });
}
