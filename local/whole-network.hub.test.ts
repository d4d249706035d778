import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectedClicks } from '../simulation/history/expected-clicks.ts';
import { mobileClicks } from '../simulation/history/mobile-clicks.ts';
import { readStream } from './testing/event-stream.ts';
import { differences, queriedClicks, registerAds } from './testing/history.ts';
import { call, postEvents, putCatalogue, queryRows, untilQuiet, type Row } from './testing/http.ts';
import { RunningNetwork, until } from './testing/running-network.ts';

const REPLAY = fileURLToPath(new URL('../scripts/replay.ts', import.meta.url));
const HOUR_MS = 3_600_000;
const PATIENCE_MS = 60_000;

describe('the whole network', () => {
  let network: RunningNetwork;
  const info = () => network.info;

  beforeAll(async () => {
    network = await RunningNetwork.start();
    await putCatalogue(info(), {
      advertisers: [{ advertiserId: 'acme' }, { advertiserId: 'rival' }],
      campaigns: [{ campaignId: 'few', advertiserId: 'acme' }, { campaignId: 'many', advertiserId: 'acme' }, { campaignId: 'live', advertiserId: 'acme' }],
      ads: ['few', 'many', 'live'].map((campaignId) => ({ adId: `${campaignId}-ad`, campaignId, landingUrl: 'https://acme.example/' })),
    });
  }, 120_000);
  afterAll(() => network.dispose(), 60_000);

  it.each([
    { campaign: 'few', viewers: 299, within: 0 },
    { campaign: 'many', viewers: 6_000, within: 0.02 },
  ])('$viewers viewers of campaign "$campaign" are counted within $within', async ({ campaign, viewers, within }) => {
    const range = aroundNow();
    const views = Array.from({ length: viewers * 2 }, (_, index) => ({
      eventType: 'impression',
      impressionId: `${campaign}-${index}`,
      adId: `${campaign}-ad`,
      userPseudoId: `viewer-${index % viewers}`,
      timestampMs: Date.now(),
    }));
    for (let from = 0; from < views.length; from += 1_000) await postEvents(info, views.slice(from, from + 1_000), 'ingest');
    const question = { metrics: 'impressions,unique_users', filter: `campaign_id:${campaign}`, granularity: 'total', ...range };
    const ask = async (): Promise<Row> => (await queryRows(info(), question))[0] as Row;
    await until(async () => Number((await ask()).impressions) === views.length, PATIENCE_MS, () => 'not all impressions arrived');
    const error = Math.abs(Number((await ask()).unique_users) - viewers) / viewers;
    expect(error).toBeLessThanOrEqual(within);
  }, 120_000);

  it('an event shows on the stream, and a reader who was away misses none', async () => {
    const question = new URLSearchParams({ metrics: 'clicks', group_by: 'ad_id', filter: 'campaign_id:live', granularity: 'total', ...aroundNow() });
    const url = `${info().hubUrl}/v1/stream?${question}`;
    const click = (index: number) => ({ eventType: 'click', clickId: `live-${index}`, adId: 'live-ad', userPseudoId: `live-${index}` });
    const clicksIn = (rows: readonly Row[]): number => Number(rows.at(-1)?.clicks ?? 0);

    const first = await readStream(url, info().keys.ops);
    await postEvents(info, [click(0)], 'ingest');
    const seen = await first.until(({ rows }) => clicksIn(rows) === 1, PATIENCE_MS);
    first.close();

    await postEvents(info, [click(1)], 'ingest');
    const second = await readStream(url, info().keys.ops, seen.id);
    await postEvents(info, [click(2)], 'ingest');
    await second.until(({ rows }) => clicksIn(rows) === 3, PATIENCE_MS);
    second.close();
  }, 120_000);

  it('an advertiser sees its own rows and nobody else\'s', async () => {
    const issue = async (scope: string): Promise<string> => {
      const reply = await call(`${info().hubUrl}/v1/keys`, { key: info().keys.ops, method: 'POST', body: { scopes: [scope], name: scope } });
      return (reply.json as { key: string }).key;
    };
    const question = { metrics: 'gross_impressions', granularity: 'total', ...aroundNow() };
    const [own] = await queryRows(info(), question, await issue('advertiser:acme'));
    const [foreign] = await queryRows(info(), question, await issue('advertiser:rival'));
    expect([Number(own?.gross_impressions) > 0, Number(foreign?.gross_impressions ?? 0)]).toEqual([true, 0]);
  });

  it('history sent by npm run replay, stopped in the middle and started again, equals the oracle', async () => {
    const range = { from: '2018-01-01T00:00:00Z', to: '2018-01-10T00:00:00Z' };
    const clicks = mobileClicks({ clicks: 4_000, days: 2, ads: 10, startMs: Date.parse('2018-01-02T00:00:00Z'), seed: 5 });
    await registerAds(info(), 'sent', [...new Set(clicks.map(({ adId }) => adId))], 60_000);
    const input = join(network.dataDir, 'history.ndjson');
    writeFileSync(input, clicks.map((click) => JSON.stringify(click)).join('\n'));

    const interrupted = replay(input);
    await until(() => interrupted.output().includes('lines'), PATIENCE_MS, interrupted.output);
    interrupted.kill();
    await interrupted.ended;
    const resumed = replay(input);
    expect([await resumed.ended, resumed.output().includes('replay: done')]).toEqual([0, true]);

    await untilQuiet(info, range);
    const counted = ([name]: [string, number]): boolean => name.endsWith(' clicks');
    const got = new Map([...(await queriedClicks(info(), 'sent', range))].filter(counted));
    expect(differences(got, new Map([...expectedClicks(clicks, 60_000)].filter(counted)))).toEqual([]);
  }, 240_000);

  it('goes on after a stop with all that it had', async () => {
    const question = { metrics: 'gross_impressions,gross_clicks', granularity: 'total', from: '2018-01-01T00:00:00Z', to: aroundNow().to };
    await untilQuiet(info, aroundNow());
    const before = await queryRows(info(), question);
    await network.stop();
    network = await RunningNetwork.start({ dataDir: network.dataDir });
    expect(await queryRows(info(), question)).toEqual(before);
  }, 240_000);

  it('a stop carries into the store what was acknowledged a moment before', async () => {
    const question = { metrics: 'gross_clicks', granularity: 'total', ...aroundNow() };
    const count = async (): Promise<number> => Number((await queryRows(info(), question))[0]?.gross_clicks);
    const before = await count();
    await postEvents(info, [90, 91, 92].map((index) => ({ eventType: 'click', clickId: `stop-${index}`, adId: 'live-ad', userPseudoId: `stop-${index}` })), 'ingest');
    await network.stop();
    network = await RunningNetwork.start({ dataDir: network.dataDir });
    expect(await count()).toBe(before + 3);
  }, 240_000);

  function aroundNow() {
    const hour = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
    return { from: new Date(hour - HOUR_MS).toISOString(), to: new Date(hour + 2 * HOUR_MS).toISOString() };
  }

  function replay(input: string) {
    const child = spawn(process.execPath, [REPLAY, '--input', input, '--edge', info().edgeUrl, '--key', info().keys.replay, '--batch', '100']);
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
    return { ended: once(child, 'exit').then(([code]) => code as number | null), kill: () => child.kill('SIGKILL'), output: () => text };
  }
});
