import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { DEFAULT_FLUSH_POLICY } from '../core/flush/policy.ts';
import { decodeFrame, type FrameHeader } from '../schemas/wire/frame.ts';
import { HubRound, outcomeOf, type SendOutcome } from './hub-client.ts';
import { nodeSql } from './node-sql.ts';
import { ShardKeeper } from './shard-keeper.ts';
import { shardPlace } from './shard-place.ts';
import { batchOf } from './testing/batches.ts';

const T = Date.UTC(2026, 10, 1);

/** A keeper whose alarms are in the test's hands. */
function keeperWith(send: (frame: Uint8Array) => Promise<SendOutcome>) {
  const alarms: number[] = [];
  const aborts: string[] = [];
  const clock = { nowMs: T };
  const keeper = new ShardKeeper({
    sql: nodeSql(new DatabaseSync(':memory:')),
    place: shardPlace('live.us.e0.1.0'),
    hub: { send },
    nowMs: () => clock.nowMs,
    random: () => 0.5,
    setAlarm: (atMs) => alarms.push(atMs),
    abort: (what) => aborts.push(what),
    log: () => undefined,
  });
  return { keeper, alarms, aborts, clock };
}

const unreachableHub = async (): Promise<SendOutcome> => ({ kind: 'failed', message: 'nobody there' });

// t (s)   0 ──── 1 ────── 30 ────────── 62
// events  x                x             x
// alarms      set for 1,   not again:    overdue by a minute:
//             never rung   it may come   set anew
test('an alarm that is overdue by a minute is taken for lost, and the next event sets another', () => {
  const { keeper, alarms, clock } = keeperWith(unreachableHub);
  keeper.record(batchOf([{ id: 'a', atMs: clock.nowMs }]));
  expect(alarms).toEqual([T + 1_000]);
  clock.nowMs = T + 30_000;
  keeper.record(batchOf([{ id: 'b', atMs: clock.nowMs }]));
  expect(alarms).toHaveLength(1);
  clock.nowMs = T + 62_000;
  keeper.record(batchOf([{ id: 'c', atMs: clock.nowMs }]));
  expect(alarms).toHaveLength(2);
});

test('a flush that fails arms the alarm again', async () => {
  const { keeper, alarms, clock } = keeperWith(unreachableHub);
  keeper.record(batchOf([{ id: 'a', atMs: clock.nowMs }]));
  clock.nowMs = T + 1_000;
  await keeper.alarm();
  expect(alarms.at(-1)).toBeGreaterThan(clock.nowMs);
  expect(keeper.status()).toMatchObject({ pendingEvents: 1, lastFailure: 'nobody there' });
});

test('an alarm that rings while a flush runs is not done before that flush is', async () => {
  let answer = (_outcome: SendOutcome): void => undefined;
  const { keeper, clock } = keeperWith(() => new Promise((resolve) => (answer = resolve)));
  keeper.record(batchOf([{ id: 'a', atMs: clock.nowMs }]));
  clock.nowMs = T + 1_000;
  const done: string[] = [];
  const rings = ['first', 'second'].map(async (ring) => keeper.alarm().then(() => done.push(ring)));
  await new Promise(setImmediate);
  expect(done).toEqual([]);
  answer({ kind: 'failed', message: 'nobody there' });
  await Promise.all(rings);
  expect(done).toEqual(['first', 'second']);
});

test('what comes while a frame is on its way to a silent hub is sealed and checkpointed all the same, and not refused', () => {
  const { keeper, clock } = keeperWith(() => new Promise(() => undefined));
  keeper.record(batchOf([{ id: 'first', atMs: T }]));
  clock.nowMs += 1_000;
  void keeper.alarm();
  // 1.2 MB each: more than memory keeps of cut runs, and more of a log than a recovery may have to read.
  const batches = 20;
  for (let n = 0; n < batches; n++) keeper.record(batchOf(Array.from({ length: 20 }, (_, i) => ({ id: `${n}.${i}`, atMs: clock.nowMs, userAgent: `${n}.${i}`.padEnd(60_000) }))));
  const { sealedSeq, ackedSeq, logRows, pendingEvents } = keeper.status();
  expect({ ackedSeq, pendingEvents }).toEqual({ ackedSeq: 0, pendingEvents: 1 + 20 * batches });
  expect(sealedSeq).toBeGreaterThan(8);
  expect(logRows).toBeLessThan(batches);
});

const NAME = 'AAECAwQFBgc';

test('a batch that was given up and spilled is recorded once, whichever of its copies comes first', () => {
  const { keeper } = keeperWith(unreachableHub);
  const batch = batchOf([{ id: 'a', atMs: T }, { id: 'a', atMs: T }]);
  expect(keeper.record(batch, NAME)).toHaveLength(2);
  keeper.recordOnce({ queue: 'q', seq: 1, batchId: NAME }, batch);
  keeper.recordOnce({ queue: 'q', seq: 2, batchId: 'AAECAwQFBgg' }, batch);
  expect(keeper.record(batch, 'AAECAwQFBgg')).toHaveLength(0);
  keeper.recordOnce({ queue: 'other', seq: 1, batchId: 'AAECAwQFBgg' }, batch);
  expect(keeper.status()).toMatchObject({ rows: 2, pendingEvents: 4 });
});

describe('a shard whose storage was lost, on a machine whose clock is behind', () => {
  const staleAt = (laterEpoch: number): SendOutcome => ({ kind: 'refused', reason: 'stale_epoch', laterEpoch });
  const flushed = async (answers: ((frame: FrameHeader) => SendOutcome)[]) => {
    const sent: FrameHeader[] = [];
    const { keeper, clock } = keeperWith(async (frame) => {
      sent.push(decodeFrame(frame).header);
      return (answers.shift() ?? unacked)(sent.at(-1)!);
    });
    keeper.record(batchOf([{ id: 'a', atMs: T }]));
    for (let i = 0; i < 3; i++) {
      clock.nowMs += 40_000;
      await keeper.alarm();
    }
    return { sent: sent.map(({ epoch, seq, rawEvents }) => [epoch - T, seq, rawEvents]), status: keeper.status() };
  };
  const unacked = (): SendOutcome => ({ kind: 'failed', message: 'nobody there' });
  const acked = ({ epoch, seq }: FrameHeader): SendOutcome => ({ kind: 'acked', ack: { epoch, ackedSeq: seq, policy: DEFAULT_FLUSH_POLICY } });

  test('takes a later epoch than the hub knows when its first frame is refused, and sends the same events', async () => {
    const { sent, status } = await flushed([() => staleAt(T + 70_000), acked]);
    expect(sent).toEqual([[0, 1, 1], [70_001, 1, 1]]);
    expect(status).toMatchObject({ epoch: T + 70_001, pendingEvents: 0, ackedSeq: 1, halted: null });
  });

  test('halts when an earlier attempt may have reached a log', async () => {
    const { sent, status } = await flushed([unacked, () => staleAt(T + 70_000)]);
    expect(sent).toEqual([[0, 1, 1], [0, 1, 1]]);
    expect(status).toMatchObject({ epoch: T, pendingEvents: 1, halted: 'stale_epoch' });
  });

  test('halts when a frame of its own was acknowledged', async () => {
    const { keeper, clock } = keeperWith(async (frame) => (decodeFrame(frame).header.seq === 1 ? acked(decodeFrame(frame).header) : staleAt(T + 70_000)));
    for (const id of ['a', 'b']) {
      keeper.record(batchOf([{ id, atMs: T }]));
      clock.nowMs += 40_000;
      await keeper.alarm();
    }
    expect(keeper.status()).toMatchObject({ epoch: T, ackedSeq: 1, pendingEvents: 1, halted: 'stale_epoch' });
  });

  test('does not trust a refusal behind a hub that did not answer', async () => {
    const round = new HubRound(['a', 'b'], async (url) => (url === 'a' ? unacked() : staleAt(T + 1)));
    expect(await round.send(new Uint8Array())).toEqual({ kind: 'refused', reason: 'stale_epoch' });
    expect(await new HubRound(['b'], async () => staleAt(T + 1)).send(new Uint8Array())).toEqual(staleAt(T + 1));
    expect(outcomeOf(409, '{"code":"stale_epoch","epoch":5}')).toEqual({ kind: 'refused', reason: 'stale_epoch', laterEpoch: 5 });
    expect(outcomeOf(409, '{"code":"stale_epoch"}')).toEqual({ kind: 'refused', reason: 'stale_epoch' });
    expect(outcomeOf(409, 'null')).toMatchObject({ kind: 'failed' });
  });
});

test('a name that no edge gives is refused, and nothing is stored', () => {
  const { keeper, aborts } = keeperWith(unreachableHub);
  for (const name of ['short', 'AAECAwQFBgcI', '!!!!!!!!!!!']) expect(() => keeper.record(batchOf([{ id: 'a', atMs: T }]), name)).toThrow('8 bytes');
  expect([keeper.status().rows, aborts]).toEqual([0, []]);
});

test('a commit that breaks throws the object away', () => {
  const { keeper, aborts, clock } = keeperWith(unreachableHub);
  clock.nowMs = Number.NaN;
  expect(() => keeper.record(batchOf([{ id: 'a', atMs: T }]))).toThrow();
  expect(aborts).toEqual(['a commit failed']);
});
