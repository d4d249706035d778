import { existsSync } from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { postEvents, putCatalogue } from './testing/http.ts';
import { RunningNetwork } from './testing/running-network.ts';

const CHROMIUM = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
const isMissing = !existsSync(CHROMIUM);
if (isMissing) console.warn(`skipped: pages in a browser (no ${CHROMIUM}; apt-get install chromium, or set CHROMIUM_PATH)`);
const QUIET = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const PATIENCE = { timeout: 60_000 };

describe.skipIf(isMissing)('the hub\'s pages, in Chromium', () => {
  let network: RunningNetwork;
  let browser: Browser;
  let page: Page;
  const faults: string[] = [];

  beforeAll(async () => {
    network = await RunningNetwork.start();
    browser = await chromium.launch({ executablePath: CHROMIUM, args: QUIET });
    page = await browser.newPage();
    page.on('pageerror', (error) => faults.push(String(error)));
  }, 180_000);
  afterAll(async () => {
    await browser?.close();
    await network?.dispose();
  }, 60_000);

  const openWithKey = async (path: string, key: string): Promise<void> => {
    await page.goto(`${network.info.hubUrl}${path}`);
    await page.fill('input', key);
    await page.click('button');
  };

  it('asks for a key, shows zeros before the first event and numbers while they come', async () => {
    await page.goto(network.info.hubUrl);
    await page.getByText('Give a key to see its numbers.').waitFor(PATIENCE);
    await openWithKey('/', network.info.keys.ops);
    await page.getByRole('row', { name: 'impressions 0' }).first().waitFor(PATIENCE);
    await putCatalogue(network.info, {
      advertisers: [{ advertiserId: 'acme' }],
      campaigns: [{ campaignId: 'c', advertiserId: 'acme' }],
      ads: [{ adId: 'ad', campaignId: 'c', landingUrl: 'https://acme.example/' }],
    });
    const views = Array.from({ length: 7 }, (_, index) => ({ eventType: 'impression', impressionId: `i-${index}`, adId: 'ad' }));
    await postEvents(() => network.info, views, 'ingest');
    await page.getByRole('row', { name: 'impressions 7' }).first().waitFor(PATIENCE);
  }, 180_000);

  it('says whether every event is accounted for', async () => {
    await openWithKey('/ops', network.info.keys.ops);
    await page.getByText('Every event accounted for').waitFor(PATIENCE);
    await page.getByRole('row', { name: 'us 7 0 7' }).waitFor(PATIENCE);
  }, 120_000);

  it('documents every route, and breaks on none of its pages', async () => {
    await page.goto(`${network.info.hubUrl}/docs`);
    const routes = await page.getByRole('heading', { level: 3 }).allTextContents();
    expect(routes).toEqual(expect.arrayContaining(['GET /v1/query', 'POST /v1/events']));
    expect(faults).toEqual([]);
  }, 120_000);
});
