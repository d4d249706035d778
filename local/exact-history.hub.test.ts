import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectedClicks } from '../simulation/history/expected-clicks.ts';
import { mobileClicks, shuffledWithinDays } from '../simulation/history/mobile-clicks.ts';
import { differences, postHistory, queriedClicks, registerAds } from './testing/history.ts';
import { untilQuiet } from './testing/http.ts';
import { RunningNetwork } from './testing/running-network.ts';

const CLICKS = Number(process.env.HISTORY_CLICKS ?? 6_000);
const START_MS = Date.parse('2017-11-06T00:00:00Z');
const RANGE = { from: '2017-11-01T00:00:00Z', to: '2017-11-20T00:00:00Z' };
const MINUTE_MS = 60_000;

describe('history through /v1/events', () => {
  let network: RunningNetwork;
  const info = () => network.info;

  beforeAll(async () => {
    network = await RunningNetwork.start();
  }, 120_000);
  afterAll(() => network.dispose(), 60_000);

  it.each([
    { name: 'minute', clickWindowMs: MINUTE_MS, shuffled: false },
    { name: 'hour', clickWindowMs: 60 * MINUTE_MS, shuffled: true },
    { name: 'day', clickWindowMs: 1_440 * MINUTE_MS, shuffled: true },
  ])(
    'every batch sent twice, clickWindowMs one $name: each ad and hour equals the oracle',
    async ({ name, clickWindowMs, shuffled }) => {
      const clicks = history(name, shuffled);
      await registerAds(info(), name, [...new Set(clicks.map(({ adId }) => adId))], clickWindowMs);
      const arrivals = await postHistory(info, clicks, { batch: 500, copies: 2 });
      await untilQuiet(info, RANGE);
      const got = await queriedClicks(info(), name, RANGE);
      expect(differences(got, expectedClicks(arrivals, clickWindowMs)).slice(0, 10)).toEqual([]);
    },
    600_000,
  );

  it('workerd, the hub and both killed at random moments of a replay: each ad and hour equals the oracle', async () => {
    const clicks = history('killed', true);
    await registerAds(info(), 'killed', [...new Set(clicks.map(({ adId }) => adId))], MINUTE_MS);
    const victims = [['workerd'], ['hub'], ['workerd', 'hub']] as const;
    let kills = Promise.resolve();
    const batch = 100;
    await postHistory(info, clicks, {
      batch,
      copies: 1,
      onBatch: async (index) => {
        const every = Math.floor(clicks.length / batch / 4);
        if (index % every !== every - 1 || index >= every * 3) return;
        const together = victims[Math.floor(index / every)] as readonly ('workerd' | 'hub')[];
        kills = kills.then(() => network.kill(...together));
      },
    });
    await kills;
    await untilQuiet(info, RANGE);
    const got = await queriedClicks(info(), 'killed', RANGE);
    // A batch whose acknowledgement was lost is sent again, so gross and duplicates may exceed the oracle's by whole copies; what counts may not.
    const counted = new Map([...got].filter(([name]) => name.endsWith(' clicks')));
    const expected = new Map([...expectedClicks(clicks, MINUTE_MS)].filter(([name]) => name.endsWith(' clicks')));
    expect(differences(counted, expected).slice(0, 10)).toEqual([]);
  }, 600_000);

  /** Each case has ads and clicks of its own, so that none meets another's memory. */
  function history(name: string, shuffled: boolean) {
    const seed = name.length;
    const clicks = mobileClicks({ clicks: CLICKS, days: 3, ads: 40, startMs: START_MS, seed }).map((click) => ({
      ...click,
      adId: `${name}-${click.adId}`,
      clickId: `${name}-${click.clickId}`,
    }));
    return shuffled ? shuffledWithinDays(clicks, seed) : clicks;
  }
});
