import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClickHouseSinkStore } from '../adapters/clickhouse-sink-store.ts';
import { openDeltaStore, type TestDelta } from '../query/testing/delta-store.ts';
import type { QueryEngine } from '../query/engine.ts';
import { parseQueryRequest, STREAM_PARAMETERS } from '../query/request.ts';
import { runQuery } from '../query/query-service.ts';
import type { Tenant } from '../query/tenant.ts';
import { readFinishedRanges } from './finished-ranges.ts';
import { OVERLAP_MS, PAGE_ROWS_MIN, streamRows, type RowsEvent } from './stream.ts';

const ALL: Tenant = { kind: 'all' };
const T0 = Date.UTC(2026, 8, 1) / 1_000;
let store: Awaited<ReturnType<typeof openDeltaStore>>;
let storedAtMs = Date.now();

beforeAll(async () => {
  store = await openDeltaStore(Date.now());
}, 60_000);
afterAll(() => store?.close());

const click = (ad: string, minute: number, count = 1): TestDelta => ({ second: T0 + minute * 60, advertiser_id: ad === 'foreign' ? 'rival' : 'acme', campaign_id: 'c', ad_id: ad, publisher_id: 'p', kind: 'click', disposition: 'counted', count });

/** Stores rows as any hub does, under a time that no range had before, or under `atMs`. */
async function storeRows(rows: readonly TestDelta[], atMs?: number): Promise<void> {
  storedAtMs = atMs ?? Math.max(Date.now(), storedAtMs + 1);
  await store.insert(rows.map((row) => ({ ...row, stored_at_ms: storedAtMs })));
}

function open(text: string, options: { tenant?: Tenant; resumeFromMs?: number; turns?: { allowed: boolean }; onStatement?: () => void } = {}) {
  const controller = new AbortController();
  const sleep = (delayMs: number, signal: AbortSignal) => delay(Math.min(delayMs, 20), undefined, { signal }).catch(() => undefined);
  const request = parseQueryRequest(new URLSearchParams(text), STREAM_PARAMETERS);
  const reader = { request, tenant: options.tenant ?? ALL, resumeFromMs: options.resumeFromMs ?? null, isStillAllowed: () => options.turns?.allowed ?? true, signal: controller.signal };
  const rows: QueryEngine['rows'] = (statement) => {
    options.onStatement?.();
    return store.deps.engine.rows(statement);
  };
  const events = streamRows({ ...store.deps, engine: { rows }, finishedRanges: () => readFinishedRanges(store.deps.engine), sleep }, reader);
  const nextRows = async (): Promise<RowsEvent> => {
    for (;;) {
      const { value, done } = await events.next();
      if (done) throw new Error('the stream ended');
      if (value.kind === 'rows') return value;
    }
  };
  /** Events up to the next one that bears an id: a whole turn, as its reader knows it. */
  const nextTurn = async (): Promise<readonly RowsEvent[]> => {
    const turn = [await nextRows()];
    while (turn.at(-1)?.id === null) turn.push(await nextRows());
    return turn;
  };
  return { events, nextRows, nextTurn, close: () => controller.abort() };
}

const windowOf = (minute: number) => new Date((T0 + minute * 60) * 1_000).toISOString();
const rowsOf = (turn: readonly RowsEvent[]) => turn.flatMap(({ reply }) => reply.rows);
const wholeOf = (text: string, tenant: Tenant = ALL) => runQuery(store.deps, parseQueryRequest(new URLSearchParams(text)), tenant);

describe('streamRows over the real engine', () => {
  it('gives what is there, then only what changed', async () => {
    await storeRows([click('a', 0), click('a', 1), click('foreign', 1)]);
    const stream = open('metrics=clicks&granularity=1m&filter=ad_id:a|foreign', { tenant: { kind: 'advertiser', ids: ['acme'] } });
    expect((await stream.nextRows()).reply.rows.map((row) => row['clicks'])).toEqual([1, 1]);
    await storeRows([click('a', 1, 4), click('foreign', 2)]);
    const news = await stream.nextRows();
    expect(news.reply.rows).toEqual([{ window: new Date((T0 + 60) * 1_000).toISOString(), clicks: 5 }]);
    stream.close();
  });

  it('sees what was not there yet', async () => {
    const stream = open('metrics=clicks&granularity=1h&group_by=ad_id&filter=ad_id:b');
    expect((await stream.nextRows()).reply.rows).toEqual([]);
    await storeRows([click('b', 5, 2)]);
    expect((await stream.nextRows()).reply.rows).toMatchObject([{ ad_id: 'b', clicks: 2 }]);
    stream.close();
  });

  it('a range that was claimed before the watermark and landed after it is not missed, though nothing else is stored', async () => {
    const stream = open('metrics=clicks&granularity=1m&filter=ad_id:c');
    await stream.nextRows();
    await storeRows([click('c', 9)]);
    await stream.nextTurn();
    await storeRows([click('c', 10)], storedAtMs - 5_000);
    expect((await stream.nextRows()).reply.rows).toMatchObject([{ clicks: 1 }]);
    stream.close();
  });

  it('a range that landed long after its claim is found by its note, by a reader who stays and by one who resumes', async () => {
    const text = 'metrics=clicks&granularity=1m&filter=ad_id:overdue';
    const sink = new ClickHouseSinkStore({ store: store.store });
    const land = async (minute: number): Promise<void> => {
      const claimedAtMs = storedAtMs - 4 * OVERLAP_MS;
      await store.insert([{ ...click('overdue', minute), stored_at_ms: claimedAtMs }]);
      await sink.noteOverdue({ topic: 'deltas', partition: 0, minOffset: 0n, maxOffset: 0n, claimedAtMs }, Date.now());
    };
    const staying = open(text);
    const resumeFromMs = (await staying.nextTurn()).at(-1)!.id!;
    await land(20);
    expect(rowsOf(await staying.nextTurn())).toMatchObject([{ window: windowOf(20), clicks: 1 }]);
    staying.close();
    await land(21);
    const resumed = open(text, { resumeFromMs });
    expect(rowsOf(await resumed.nextTurn())).toMatchObject([{ window: windowOf(20) }, { window: windowOf(21) }]);
    resumed.close();
  });

  it('totals and days in a zone follow as well', async () => {
    const total = open('metrics=clicks&filter=ad_id:d');
    const days = open('metrics=clicks&granularity=1d&tz=Asia/Kolkata&filter=ad_id:d');
    expect((await total.nextRows()).reply.rows).toMatchObject([{ clicks: 0 }]);
    await days.nextRows();
    await storeRows([click('d', 0, 3)]);
    expect((await total.nextRows()).reply.rows).toMatchObject([{ clicks: 3 }]);
    expect((await days.nextRows()).reply.rows).toEqual([{ window: '2026-08-31T18:30:00.000Z', clicks: 3 }]);
    total.close();
    days.close();
  });

  it('a day that clocks make longer is followed to its end', async () => {
    // Troll's Sunday of 25 October begins 22:00Z the day before and lasts 26 hours.
    const days = open('metrics=clicks&granularity=1d&tz=Antarctica/Troll&filter=ad_id:long');
    await days.nextRows();
    await storeRows([{ ...click('long', 0), second: Date.UTC(2026, 9, 25, 23, 30) / 1_000 }]);
    expect((await days.nextRows()).reply.rows).toEqual([{ window: '2026-10-24T22:00:00.000Z', clicks: 1 }]);
    days.close();
  });

  it('a reader that leaves and resumes at random ends with the numbers of the query', async () => {
    const text = 'metrics=clicks&granularity=1m&group_by=ad_id&filter=ad_id:e|f';
    const seen = new Map<string, unknown>();
    let resumeFromMs: number | undefined;
    const take = async (rounds: number) => {
      const stream = open(text, resumeFromMs === undefined ? {} : { resumeFromMs });
      for (let i = 0; i < rounds; i += 1) {
        const { id, reply } = await stream.nextRows();
        for (const row of reply.rows) seen.set(`${row['window']} ${row['ad_id']}`, row);
        resumeFromMs = id ?? resumeFromMs;
        await storeRows([click(i % 2 ? 'e' : 'f', i % 3), click('e', 30 + i)]);
      }
      stream.close();
    };
    for (const rounds of [1, 3, 2, 1, 4]) await take(rounds);
    const last = open(text, { resumeFromMs: resumeFromMs as number });
    for (const row of (await last.nextRows()).reply.rows) seen.set(`${row['window']} ${row['ad_id']}`, row);
    last.close();
    const whole = await runQuery(store.deps, parseQueryRequest(new URLSearchParams(text)), ALL);
    expect([...seen.values()].toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))).toEqual([...whole.rows].toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)));
  });

  it('a filter by country shows a cell only once its window withholds it no more, though another country changed', async () => {
    const of = (country: string, users: number, from: number): TestDelta => ({ ...click('g', 0, users), country, viewers: Array.from({ length: users }, (_, n) => from + n) });
    const tenant: Tenant = { kind: 'advertiser', ids: ['acme'] };
    await storeRows([of('DE', 120, 1_000), of('FR', 60, 2_000), of('US', 2, 3_000)]);
    const stream = open('metrics=clicks&granularity=1m&filter=ad_id:g&filter=country:FR', { tenant });
    expect((await stream.nextRows()).reply).toMatchObject({ rows: [], meta: { suppressed: 1 } });
    await storeRows([of('US', 70, 4_000)]);
    expect((await stream.nextRows()).reply).toMatchObject({ rows: [{ clicks: 60 }], meta: { suppressed: 0 } });
    stream.close();
  });

  it('a quiet stream beats, and ends when its key is deleted', async () => {
    const turns = { allowed: true };
    const stream = open('metrics=clicks&granularity=1m&filter=ad_id:nobody', { turns });
    await stream.nextRows();
    expect(await stream.events.next()).toMatchObject({ value: { kind: 'heartbeat' } });
    turns.allowed = false;
    expect(await stream.events.next()).toMatchObject({ done: true });
  });
});

describe('turns of more rows than an event holds', () => {
  /** Clicks of one ad in consecutive seconds. */
  const seconds = (ad: string, from: number, count: number) => Array.from({ length: count }, (_, index) => ({ ...click(ad, 0), second: T0 + from + index }));

  //  limit 5        batch 0       batch 1       batch 2
  //  windows        20            20            20
  //  events         5 5 5 5       5 5 5 5       5 5 5 5
  //  ids                  |             |             |
  it('every window that changed is sent, in events of at most limit rows, of which the last bears the watermark', async () => {
    const text = 'metrics=clicks&granularity=1s&filter=ad_id:paged';
    const stream = open(`${text}&limit=5`);
    expect(await stream.nextTurn()).toMatchObject([{ id: expect.any(Number), reply: { rows: [] } }]);
    const seen: unknown[] = [];
    for (const batch of [0, 1, 2]) {
      await storeRows(seconds('paged', batch * 60, 20));
      const turn = await stream.nextTurn();
      expect(turn.map(({ id, reply }) => [id, reply.rows.length, reply.meta.cursor])).toEqual([[null, 5, null], [null, 5, null], [null, 5, null], [storedAtMs, 5, null]]);
      seen.push(...rowsOf(turn));
    }
    stream.close();
    expect(seen).toEqual((await wholeOf(text)).rows);
    expect(seen).toHaveLength(60);
  });

  it('a reader that breaks off in the middle of a turn resumes from before it, and gets all of it', async () => {
    const text = 'metrics=clicks&granularity=1s&filter=ad_id:broken&limit=3';
    const broken = open(text);
    const lastId = (await broken.nextTurn()).at(-1)?.id as number;
    await storeRows(seconds('broken', 0, 8));
    expect(await broken.nextRows()).toMatchObject({ id: null });
    broken.close();
    const resumed = open(text, { resumeFromMs: lastId });
    const turn = await resumed.nextTurn();
    resumed.close();
    expect(turn.map(({ id }) => id)).toEqual([null, null, storedAtMs]);
    expect(rowsOf(turn)).toEqual((await wholeOf(text.replace('&limit=3', ''))).rows);
  });

  it('a stream that is resumed has as many events as it takes, and so has a total by dimensions', async () => {
    const ads = ['t1', 't2', 't3', 't4', 't5'];
    const text = `metrics=clicks&group_by=ad_id&filter=ad_id:${ads.join('|')}`;
    await storeRows(ads.map((ad) => click(ad, 3)));
    for (const resumeFromMs of [undefined, 0, storedAtMs]) {
      const stream = open(`${text}&limit=2`, resumeFromMs === undefined ? {} : { resumeFromMs });
      const turn = await stream.nextTurn();
      stream.close();
      expect(turn.map(({ reply }) => reply.rows.length)).toEqual([2, 2, 1]);
      expect(rowsOf(turn)).toEqual((await wholeOf(text)).rows);
    }
  });

  it('more than the store is asked for at once comes whole too, and no faster than it is taken', async () => {
    const text = 'metrics=clicks&granularity=1s&filter=ad_id:many';
    const windowCount = PAGE_ROWS_MIN + 1_000;
    for (let from = 0; from < windowCount; from += 1_000) await storeRows(seconds('many', from, 1_000));
    let statements = 0;
    const stream = open(`${text}&limit=6000`, { onStatement: () => (statements += 1) });
    const first = [await stream.nextRows(), await stream.nextRows()];
    await delay(100);
    expect(statements).toBe(1);
    first.push(...(await stream.nextTurn()));
    expect(first.map(({ id, reply }) => [id, reply.rows.length])).toEqual([[null, 6_000], [null, 4_000], [storedAtMs, 1_000]]);
    expect(rowsOf(first)).toEqual((await wholeOf(text)).rows);
    await storeRows(seconds('many', 500, 1_000));
    await storeRows(seconds('many', 9_500, 1_000));
    const turn = await stream.nextTurn();
    stream.close();
    expect(turn.map(({ id }) => id)).toEqual([...turn.slice(1).map(() => null), storedAtMs]);
    const held = new Map([...rowsOf(first), ...rowsOf(turn)].map((row) => [row['window'], row]));
    expect([...held.values()]).toEqual((await wholeOf(text)).rows);
  });

  it('events of any size show a tenant no cell of viewers that the whole answer withholds, and tell of all that are withheld', async () => {
    const tenant: Tenant = { kind: 'advertiser', ids: ['acme'] };
    const people = { US: 120, DE: 60, FR: 55, CA: 3 };
    const viewersOf = (at: number, count: number) => Array.from({ length: count }, (_, index) => at * 1_000 + index);
    const cells = Object.entries(people).flatMap(([country, count], at) => [0, 60].map((minute) => ({ ...click('viewed', minute, count), country, viewers: viewersOf(at, count) })));
    await storeRows(cells);
    const text = 'metrics=clicks&group_by=country&granularity=1h&filter=ad_id:viewed';
    const whole = await wholeOf(text, tenant);
    for (const limit of [1, 3, 100]) {
      const stream = open(`${text}&limit=${limit}`, { tenant });
      const turn = await stream.nextTurn();
      stream.close();
      expect(turn).toHaveLength(Math.ceil(whole.rows.length / limit));
      expect(rowsOf(turn)).toEqual(whole.rows);
      expect(turn.reduce((sum, { reply }) => sum + reply.meta.suppressed, 0)).toBe(whole.meta.suppressed);
    }
  });
});
