import { setTimeout as sleep } from 'node:timers/promises';
import type { HttpFault } from '../../../regional-hub/adapters/clickhouse-http-server.ts';
import { killChildren, repeatedly } from '../deeds.ts';
import type { Deed, Play, Scenario } from '../scenario.ts';

const GAP_MS = 4_000;
const FAULT_MS = 8_000;
const DOWN_MS = 4_000;
/** Longer than a hub waits for a statement: it gives up and sends the same range again. */
const HANG_MS = 65_000;
const NONE: HttpFault = { kind: 'none' };

/** A ClickHouse server of its own, over HTTP; the embedded log. */
export const CLICKHOUSE: readonly Scenario[] = [
  {
    name: 'clickhouse-5xx',
    fault: 'ClickHouse answers 503 before, then 500 after executing, then hangs up after executing',
    spec: { clickhouse: true },
    act: (play) => misbehave(play, [{ kind: 'fail_before', status: 503 }, { kind: 'fail_after', status: 500 }, { kind: 'hang_up_after' }], FAULT_MS),
  },
  { name: 'clickhouse-twice', fault: 'ClickHouse gets every insert twice', spec: { clickhouse: true }, act: (play) => misbehave(play, [{ kind: 'twice' }], 2 * FAULT_MS) },
  {
    name: 'clickhouse-hang',
    fault: `ClickHouse hangs for ${HANG_MS / 1_000} s at every insert`,
    spec: { clickhouse: true },
    healWithinMs: 240_000,
    act: (play) => misbehave(play, [{ kind: 'delay', delayMs: HANG_MS }], FAULT_MS),
  },
  {
    name: 'clickhouse-kill',
    fault: '`kill -9` ClickHouse, and the hub with it',
    spec: { clickhouse: true },
    act: (play) => repeatedly(3, GAP_MS, (round) => killStore(play, round % 2 === 1)),
  },
];

async function misbehave({ stage }: Play, faults: readonly HttpFault[], eachMs: number): Promise<Deed> {
  try {
    for (const fault of faults) {
      stage.clickhouse?.misbehave(fault);
      await sleep(eachMs);
    }
  } finally {
    stage.clickhouse?.misbehave(NONE);
  }
  return { times: faults.length, liftedAtMs: performance.now() };
}

async function killStore(play: Play, withHub: boolean): Promise<number> {
  const { clickhouse } = play.stage;
  const hubKilled = withHub ? killChildren(play, ['hub']) : Promise.resolve(0);
  await clickhouse?.kill();
  await sleep(DOWN_MS);
  const atMs = performance.now();
  await clickhouse?.restart();
  await hubKilled;
  return atMs;
}
