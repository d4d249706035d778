import { setTimeout as sleep } from 'node:timers/promises';
import { freeze, killChildren, repeatedly } from '../deeds.ts';
import type { Play, Scenario } from '../scenario.ts';

const GAP_MS = 8_000;
const DOWN_MS = 4_000;
const FREEZE_MS = 15_000;

/** Apache Kafka for a log; ClickHouse embedded in the hub. */
export const KAFKA: readonly Scenario[] = [
  {
    name: 'kafka-kill',
    fault: '`kill -9` the only Kafka broker, down for 4 s',
    spec: { kafkaNodes: 1 },
    act: (play) => repeatedly(play.length.short ? 1 : 3, GAP_MS, () => killBroker(play, 1)),
  },
  {
    name: 'kafka-stop',
    fault: `\`SIGSTOP\` the only Kafka broker for ${FREEZE_MS / 1_000} s`,
    spec: { kafkaNodes: 1 },
    act: (play) => repeatedly(2, GAP_MS, () => freeze(brokerPid(play, 1), FREEZE_MS)),
  },
  {
    name: 'kafka3-kill',
    fault: '`kill -9` each of three Kafka brokers in turn (RF 3)',
    spec: { kafkaNodes: 3 },
    act: (play) => repeatedly(3, GAP_MS, (round) => killBroker(play, round + 1)),
  },
  {
    name: 'kafka-all-kill',
    fault: '`kill -9` broker, hub and workerd together',
    spec: { kafkaNodes: 1 },
    act: (play) =>
      repeatedly(3, GAP_MS, async () => {
        const [liftedAtMs] = await Promise.all([killBroker(play, 1), killChildren(play, ['workerd', 'hub'])]);
        return liftedAtMs;
      }),
  },
];

async function killBroker({ stage }: Play, node: number): Promise<number> {
  await stage.kafka?.kill(node, 'SIGKILL');
  await sleep(DOWN_MS);
  const atMs = performance.now();
  await stage.kafka?.restart(node);
  return atMs;
}

function brokerPid({ stage }: Play, node: number): number {
  const pid = stage.kafka?.pids()[node - 1];
  if (pid === undefined) throw new Error(`broker ${node} is not up`);
  return pid;
}
