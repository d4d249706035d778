import { setTimeout as sleep } from 'node:timers/promises';
import type { Deed, Play, Scenario } from '../scenario.ts';

/** Longer than a dead hub's membership of its consumer group (45 s): the survivor takes over its partitions under traffic. */
const AWAY_MS = 60_000;
const SETTLE_MS = 15_000;
/** So long after a death everything that is owed was sent after it. */
const NOTICED_MS = 6_000;

/** Two hubs on one Kafka and one ClickHouse; every shard knows both. */
export const TWO_HUBS: readonly Scenario[] = [
  {
    name: 'two-hubs',
    fault: `two hubs share Kafka and ClickHouse: the first dies for ${AWAY_MS / 1_000} s and comes back, then the second dies for good`,
    spec: { kafkaNodes: 1, clickhouse: true, secondHub: true },
    act: bothInTurn,
  },
];

async function bothInTurn({ stage, watch, say }: Play): Promise<Deed> {
  const diedAtMs = performance.now();
  await stage.takeHubAway();
  await sleep(NOTICED_MS);
  const movedMs = await watch.untilFresh(diedAtMs, AWAY_MS + 60_000).finally(async () => {
    await sleep(Math.max(0, AWAY_MS - (performance.now() - diedAtMs)));
    await stage.bringHubBack();
  });
  say(`the second hub has everything ${(movedMs / 1_000).toFixed(1)} s after the first died`);
  await sleep(SETTLE_MS);
  const liftedAtMs = performance.now();
  await stage.killSecondHub();
  await sleep(NOTICED_MS);
  return { times: 2, liftedAtMs, notes: [`first death healed in ${(movedMs / 1_000).toFixed(1)} s`] };
}
