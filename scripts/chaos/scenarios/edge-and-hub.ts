import { setTimeout as sleep } from 'node:timers/promises';
import { freeze, killChildren, repeatedly } from '../deeds.ts';
import type { Deed, Play, Scenario } from '../scenario.ts';

const GAP_MS = 4_000;
const times = ({ length }: Play, count: number): number => (length.short ? 1 : count);

/** Longer than a client's patience with a reply, and than a shard's with its hub. */
const FREEZE_MS = 12_000;
/** A hub that comes back must gain on the backlog at least this fast, in multiples of the live rate. */
const CATCH_UP_MIN = 2;

/** The parts of `npm start` alone: workerd, hub, embedded log and store. */
export const EDGE_AND_HUB: readonly Scenario[] = [
  {
    name: 'workerd-kill',
    fault: '`kill -9` workerd',
    spec: {},
    act: (play) => repeatedly(times(play, 5), GAP_MS, () => killChildren(play, ['workerd'])),
  },
  {
    name: 'workerd-stop',
    fault: `\`SIGSTOP\` workerd for ${FREEZE_MS / 1_000} s`,
    spec: {},
    act: (play) => repeatedly(times(play, 2), GAP_MS, () => freeze(play.stage.info.pids.workerd, FREEZE_MS)),
  },
  {
    name: 'hub-kill',
    fault: '`kill -9` hub (embedded log and store with it)',
    spec: {},
    act: (play) => repeatedly(times(play, 5), GAP_MS, () => killChildren(play, ['hub'])),
  },
  {
    name: 'hub-stop',
    fault: `\`SIGSTOP\` hub for ${FREEZE_MS / 1_000} s`,
    spec: {},
    act: (play) => repeatedly(times(play, 2), GAP_MS, () => freeze(play.stage.info.pids.hub, FREEZE_MS)),
  },
  {
    name: 'both-kill',
    fault: '`kill -9` workerd and hub together',
    spec: {},
    act: (play) => repeatedly(times(play, 5), GAP_MS, () => killChildren(play, ['workerd', 'hub'])),
  },
  { name: 'hub-away', fault: 'hub away through minutes of traffic', spec: {}, healWithinMs: 300_000, act: awayAndBack },
];

/** The outbox holds what comes in meanwhile; afterwards the hub must gain on it. */
async function awayAndBack({ stage, traffic, watch, length, say }: Play): Promise<Deed> {
  const { outageMs } = length;
  const before = traffic.ledger.reported;
  const beganAtMs = performance.now();
  await stage.takeHubAway();
  while (performance.now() - beganAtMs < outageMs) {
    await sleep(Math.min(15_000, outageMs));
    say(`away for ${Math.round((performance.now() - beganAtMs) / 1_000)} s, ${traffic.ledger.reported - before} events wait in outboxes, workerd ${watch.peakMb.workerd} MB`);
  }
  const waiting = traffic.ledger.reported - before;
  const perSecond = waiting / ((performance.now() - beganAtMs) / 1_000);
  const backAtMs = performance.now();
  await stage.bringHubBack();
  const healMs = await watch.untilFresh(backAtMs, 300_000);
  // What the store took in from its first answer on; starting up is not catching up.
  const first = watch.samples.find(({ atMs, visible }) => atMs > backAtMs && visible !== null);
  const arrived = watch.samples.findLast(({ visible }) => visible !== null);
  const upMs = Math.max(1, backAtMs + healMs - (first?.atMs ?? backAtMs));
  const gained = (arrived?.visible ?? 0) - (first?.visible ?? 0);
  const ratio = healMs < 5_000 ? Infinity : gained / (upMs / 1_000) / perSecond;
  const minutes = (outageMs / 60_000).toFixed(1);
  return {
    times: 1,
    liftedAtMs: backAtMs,
    notes: [`${minutes} min away, ${waiting} events waited, caught up in ${(healMs / 1_000).toFixed(1)} s (${Number.isFinite(ratio) ? ratio.toFixed(1) : 'over 100'} × the live rate)`],
    faults: ratio >= CATCH_UP_MIN ? [] : [`catches up at ${ratio.toFixed(1)} × the live rate only`],
  };
}
