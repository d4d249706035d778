import { chaosAds, REPORTED_CAMPAIGN } from '../ad-names.ts';
import { Flood } from '../flood.ts';
import { followLinks } from '../redirects.ts';
import type { Deed, Play, Scenario } from '../scenario.ts';

const SENDERS = 128;
const MEASURE_MS = 8_000;
const FLOOD_MS = 20_000;
const SUBSIDE_MS = 240_000;
const TIMES_CAPACITY = 3;
/** A worker of Cloudflare's has 128 MB an isolate; here three POPs, all shards and SQLite share one process. */
const WORKERD_MB_MAX = 1_000;
/** A redirect that takes longer loses the person; here flood, hub and store share two cores with the edge. */
const REDIRECT_MS_MAX = 3_000;

/** More events than the network can take. */
export const OVERLOAD: readonly Scenario[] = [
  { name: 'overload', fault: `events offered at ${TIMES_CAPACITY} × capacity for ${FLOOD_MS / 1_000} s`, spec: {}, eventsPerSecond: 100, healWithinMs: 400_000, act: flood },
];

async function flood({ stage, traffic, watch, say }: Play): Promise<Deed> {
  const crowd = new Flood(stage, traffic.ledger, chaosAds(REPORTED_CAMPAIGN, Object.keys(stage.info.edgeUrls)));
  const capacity = await crowd.capacity(SENDERS, MEASURE_MS);
  say(`takes ${Math.round(capacity)} events/s from ${SENDERS} senders`);
  crowd.prepare((capacity * FLOOD_MS) / 1_000);
  const people = await followLinks(stage, traffic.ledger, FLOOD_MS / 100);
  const counts = await crowd.offer(TIMES_CAPACITY * capacity, FLOOD_MS);
  const redirects = await people.end();
  const liftedAtMs = performance.now();
  const offered = counts.offeredEvents / (FLOOD_MS / 1_000);
  say(`offered ${Math.round(offered)} events/s: ${JSON.stringify(counts)}; ${JSON.stringify(redirects)}; workerd ${watch.peakMb.workerd} MB`);
  await crowd.subside(SUBSIDE_MS);
  const { shed, shedWithoutRetryAfter, unanswered, other, acknowledgedEvents } = counts;
  const faults = [
    ...(offered < TIMES_CAPACITY * capacity * 0.95 ? [`only ${Math.round(offered)} events/s could be offered`] : []),
    ...(shed === 0 ? ['nothing was shed'] : []),
    ...(shedWithoutRetryAfter > 0 ? [`${shedWithoutRetryAfter} answers 503 without Retry-After`] : []),
    ...(unanswered + other > 0 ? [`${unanswered} requests without an answer, ${other} with another than 202 and 503`] : []),
    ...(redirects.redirected < redirects.followed || redirects.p99Ms > REDIRECT_MS_MAX ? [`redirects: ${JSON.stringify(redirects)}`] : []),
    ...(watch.peakMb.workerd > WORKERD_MB_MAX ? [`workerd took ${watch.peakMb.workerd} MB`] : []),
  ];
  const notes = [
    `capacity ${Math.round(capacity / 1_000)} k events/s, offered ${Math.round(offered / 1_000)} k/s, took ${Math.round(acknowledgedEvents / FLOOD_MS)} k/s, shed ${shed} requests with 503, ${redirects.redirected} of ${redirects.followed} people redirected, p50 ${redirects.p50Ms.toFixed(0)} ms, p99 ${redirects.p99Ms.toFixed(0)} ms`,
  ];
  return { times: 1, liftedAtMs, notes, faults };
}
