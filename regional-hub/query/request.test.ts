import { describe, expect, it } from 'vitest';
import { parseQueryRequest } from './request.ts';
import { encodeCursor } from './cursor.ts';
import { tilesOf } from './tiles.ts';
import { microsOf } from './rows.ts';
import { BoundedEngine } from './bounded-engine.ts';

const parse = (text: string) => parseQueryRequest(new URLSearchParams(text));

describe('parseQueryRequest', () => {
  it('reads times in every spelling, in the zone that is meant', () => {
    const second = (text: string, tz = 'UTC') => parse(`metrics=clicks&from=${text}&tz=${tz}`).range.fromSecond * 1_000;
    expect(second('2026-03-08')).toBe(Date.UTC(2026, 2, 8));
    expect(second('2026-03-08', 'America/New_York')).toBe(Date.UTC(2026, 2, 8, 5));
    expect(second('2026-03-09', 'America/New_York')).toBe(Date.UTC(2026, 2, 9, 4));
    expect(second('2026-03-08T10:00', 'Asia/Kolkata')).toBe(Date.UTC(2026, 2, 8, 4, 30));
    expect(second('2026-03-08T10:00:00Z', 'Asia/Kolkata')).toBe(Date.UTC(2026, 2, 8, 10));
    expect(second('2026-03-08T10:00:00%2B02:00')).toBe(Date.UTC(2026, 2, 8, 8));
    expect(second('2026-03-08T10:00:00+02:00')).toBe(Date.UTC(2026, 2, 8, 8));
    expect(second('2026-03-08T10:00:00.999Z')).toBe(Date.UTC(2026, 2, 8, 10));
    expect(second('1772964000999')).toBe(1_772_964_000_000);
    expect([second('0'), second('86400000')]).toEqual([0, 86_400_000]);
  });

  it('refuses whatever it does not know, so that no typo reads as zero', () => {
    const bad = [
      '', 'metrics=', 'metrics=click', 'metrics=clicks&metrics=clicks', 'metrics=clicks&group_by=user_id', 'metrics=clicks&group_by=event_id',
      'metrics=clicks&group_by=ad_id,country,region,reason,device_type', 'metrics=clicks&granularity=1w', 'metrics=clicks&tz=%2B02:00', 'metrics=clicks&tz=Nowhere/City',
      'metrics=clicks&from=yesterday', 'metrics=clicks&from=2026', 'metrics=clicks&to=1999', 'metrics=clicks&from=2026-13-01', 'metrics=clicks&from=2026-02-30', 'metrics=clicks&filter=reason:constructor', 'metrics=clicks&to=2025-02-29T10:00:00Z', 'metrics=clicks&from=2026-01-02&to=2026-01-01', 'metrics=clicks&from=-1', 'metrics=clicks&to=9999999999999',
      'metrics=clicks&limit=0', 'metrics=clicks&limit=100001', 'metrics=clicks&limit=1e3', 'metrics=clicks&filter=ad_id', 'metrics=clicks&filter=user:1', 'metrics=clicks&filter=country:usa',
      'metrics=clicks&filter=device_type:phone', 'metrics=clicks&filter=reason:none', 'metrics=clicks&filter=ad_id:a b', 'metrics=clicks&as_of=1', 'metrics=clicks&cursor=x', 'metrics=clicks&nope=1', 'metrics=clicks&__proto__=1',
    ];
    for (const text of bad) expect(() => parse(text), text).toThrow(expect.objectContaining({ status: 400 }));
  });

  it('a filter is divided at its first colon; any of its values will do', () => {
    expect(parse('metrics=clicks&filter=ad_id:a:b|c&filter=country:US|&as_of=latest').filters).toEqual([
      { dimension: 'ad_id', values: ['a:b', 'c'] },
      { dimension: 'country', values: ['US', ''] },
    ]);
  });

  it('a cursor leads on in its own query only', () => {
    const request = parse('metrics=clicks&group_by=ad_id&granularity=1h');
    const cursor = encodeCursor({ windowSecond: 3_600, dimensions: ['a'] }, request);
    expect(parse(`metrics=clicks&group_by=ad_id&granularity=1h&cursor=${cursor}`).after).toEqual({ windowSecond: 3_600, dimensions: ['a'] });
    expect(() => parse(`metrics=clicks&group_by=country&granularity=1h&cursor=${cursor}`)).toThrow('cursor');
    expect(() => parse(`metrics=clicks&group_by=ad_id&granularity=1m&cursor=${cursor}`)).toThrow('cursor');
  });
});

describe('tilesOf', () => {
  it('covers a range without gap or overlap, from tables whose windows lie inside', () => {
    for (let round = 0; round < 500; round += 1) {
      const fromSecond = (round * 7_919_317) % 1_000_000;
      const toSecond = fromSecond + ((round * 104_729) % 400_000);
      const tiles = tilesOf({ fromSecond, toSecond }, ([1, 60, 3600, 86400] as const)[round % 4] ?? 1);
      expect(tiles[0]?.fromSecond).toBe(fromSecond);
      expect(tiles.at(-1)?.toSecond).toBe(toSecond);
      tiles.forEach((tile, i) => {
        expect(tile.fromSecond % tile.stepSeconds + (tile.toSecond % tile.stepSeconds)).toBe(0);
        if (i > 0) expect(tile.fromSecond).toBe(tiles[i - 1]?.toSecond);
      });
      expect(tiles.length).toBeLessThanOrEqual(7);
    }
  });
});

describe('microsOf', () => {
  it('rounds half away from zero, once', () => {
    expect([0n, 499n, 500n, 1_499n, -499n, -500n, -1_500n, 9_007_199_254_740_993_500n].map(microsOf)).toEqual([0n, 0n, 1n, 1n, 0n, -1n, -2n, 9_007_199_254_740_994n]);
  });
});

describe('BoundedEngine', () => {
  it('runs so many at a time, lets so many wait, and turns the rest away', async () => {
    let running = 0;
    let most = 0;
    const slow = {
      rows: async () => {
        most = Math.max(most, (running += 1));
        await new Promise((resolve) => setTimeout(resolve, 5));
        running -= 1;
        return [];
      },
    };
    const engine = new BoundedEngine(slow, { running: 2, waiting: 3 });
    const ask = () => engine.rows({ sql: '', params: {} });
    const outcomes = await Promise.allSettled(Array.from({ length: 7 }, ask));
    expect(outcomes.map(({ status }) => status)).toEqual([...Array.from({ length: 5 }, () => 'fulfilled'), 'rejected', 'rejected']);
    expect(most).toBe(2);
    await ask();
  });
});
