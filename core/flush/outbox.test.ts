import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backoffMs } from './backoff.ts';
import {
  MAX_CUT_RUNS,
  MAX_RUN_BYTES,
  admits,
  emptyOutbox,
  mustCutBefore,
  onAck,
  onCommit,
  onCut,
  onHalt,
  onResume,
  onSealed,
  onSendFailure,
  outboxBytes,
  pendingEvents,
  planFlush,
  unsealedEvents,
} from './outbox.ts';
import type { OutboxState } from './outbox.ts';
import { DEFAULT_FLUSH_POLICY } from './policy.ts';

const EPOCH = 1_700_000_000_000;
const POLICY = DEFAULT_FLUSH_POLICY;
const commit = (state: OutboxState, nowMs: number, bytes = 100, cells = 1): OutboxState =>
  onCommit(state, { events: 2, bytes, cells, nowMs });
const seal = (state: OutboxState): OutboxState => onSealed(onCut(state), 50);

describe('planFlush', () => {
  //  t (ms)     0 ──────── 999 │ 1 000
  //  commits    x    x         │
  //  plan       sleep          │ seal 1–2
  test('a quiet run is sealed when its oldest commit has waited maxDelayMs', () => {
    const state = commit(commit(emptyOutbox(EPOCH), 0), 700);
    expect(planFlush(state, POLICY, 999)).toEqual({ kind: 'sleep', wakeAtMs: 1_000 });
    expect(planFlush(state, POLICY, 1_000)).toEqual({ kind: 'seal', firstRow: 1, lastRow: 2 });
  });

  test('an empty outbox is idle', () => {
    expect(planFlush(emptyOutbox(EPOCH), POLICY, 5)).toEqual({ kind: 'idle' });
  });

  test('a run that is full of bytes or cells is sealed at once', () => {
    expect(planFlush(commit(emptyOutbox(EPOCH), 0, POLICY.maxBytes), POLICY, 0).kind).toBe('seal');
    expect(planFlush(commit(emptyOutbox(EPOCH), 0, 100, POLICY.maxCells), POLICY, 0).kind).toBe('seal');
  });

  test('while a frame is unsent, old rows wait for it and full ones do not', () => {
    const state = commit(seal(commit(emptyOutbox(EPOCH), 0)), 10);
    expect(planFlush(state, POLICY, 60_000)).toEqual({ kind: 'send', seq: 1 });
    const full = commit(state, 20, POLICY.maxBytes);
    expect(planFlush(full, POLICY, 60_000)).toEqual({ kind: 'seal', firstRow: 2, lastRow: 3 });
  });

  test('a cut run is sealed before anything else', () => {
    const state = onHalt(commit(onCut(commit(emptyOutbox(EPOCH), 0)), 1), 'frame_conflict');
    expect(planFlush(state, POLICY, 2)).toEqual({ kind: 'seal', firstRow: 1, lastRow: 1 });
  });

  test('a failed frame is sent again after the back-off, and an ack forgets the failures', () => {
    const failed = onSendFailure(seal(commit(emptyOutbox(EPOCH), 0)), { nowMs: 1_000, jitter: 0 });
    expect(planFlush(failed, POLICY, 1_100)).toEqual({ kind: 'sleep', wakeAtMs: 1_125 });
    expect(planFlush(failed, POLICY, 1_125)).toEqual({ kind: 'send', seq: 1 });
    expect(onAck(failed, { epoch: EPOCH, ackedSeq: 1 })).toMatchObject({ attempts: 0, retryAtMs: 0, ackedSeq: 1, sealed: [] });
  });

  test('a halted shard sends nothing until it is resumed, and goes on committing', () => {
    const halted = onHalt(commit(seal(commit(emptyOutbox(EPOCH), 0)), 1), 'stale_epoch');
    expect(planFlush(halted, POLICY, 60_000)).toEqual({ kind: 'idle' });
    expect(admits(halted, POLICY, 100)).toBe(true);
    expect(planFlush(onResume(halted), POLICY, 60_000)).toEqual({ kind: 'send', seq: 1 });
  });
});

describe('acks', () => {
  const sent = seal(commit(emptyOutbox(EPOCH), 0));
  test.each([
    ['of a frame that was never sent', { epoch: EPOCH, ackedSeq: 2 }],
    ['of a frame that is long gone', { epoch: EPOCH, ackedSeq: 0 }],
    ['of an earlier life', { epoch: EPOCH - 1, ackedSeq: 1 }],
    ['of a later life', { epoch: EPOCH + 1, ackedSeq: 1 }],
  ])('an ack %s is refused', (_name, ack) => {
    expect(() => onAck(sent, ack)).toThrow('assertion failed');
  });

  test('an ack with nothing in flight is refused', () => {
    expect(() => onAck(emptyOutbox(EPOCH), { epoch: EPOCH, ackedSeq: 0 })).toThrow('assertion failed');
  });

  test('with two frames sealed, only the first can be acknowledged', () => {
    const two = seal(commit(sent, 1));
    expect(() => onAck(two, { epoch: EPOCH, ackedSeq: 2 })).toThrow('assertion failed');
    expect(planFlush(onAck(two, { epoch: EPOCH, ackedSeq: 1 }), POLICY, 1)).toEqual({ kind: 'send', seq: 2 });
  });
});

describe('bounds', () => {
  test('past maxOutboxBytes the shard refuses', () => {
    const state = commit(emptyOutbox(EPOCH), 0, POLICY.maxOutboxBytes - 100);
    expect(admits(state, POLICY, 100)).toBe(true);
    expect(admits(state, POLICY, 101)).toBe(false);
  });

  test('with too many runs waiting to be sealed the shard refuses', () => {
    let state = emptyOutbox(EPOCH);
    for (let i = 0; i < MAX_CUT_RUNS; i += 1) state = onCut(commit(state, i));
    expect(admits(state, POLICY, 1)).toBe(false);
  });

  test('a run is cut before a commit that would make it too long for a frame', () => {
    const state = commit(emptyOutbox(EPOCH), 0, MAX_RUN_BYTES - 10);
    expect(mustCutBefore(state, 10)).toBe(false);
    expect(mustCutBefore(state, 11)).toBe(true);
    expect(mustCutBefore(emptyOutbox(EPOCH), 2 * MAX_RUN_BYTES)).toBe(false);
  });
});

describe('back-off', () => {
  test('doubles from 250 ms to 30 s, half of it chance', () => {
    expect([1, 2, 3, 7, 8, 9, 60].map((attempts) => backoffMs(attempts, 0))).toEqual([125, 250, 500, 8_000, 15_000, 15_000, 15_000]);
    expect([1, 8, 60].map((attempts) => backoffMs(attempts, 0.999_999))).toEqual([250, 30_000, 30_000]);
  });
});

test('whatever happens in whatever order, every row is in exactly one frame, frames are in order, and the sums are right', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('commit' as const), bytes: fc.integer({ min: 1, max: 1_500_000 }) }),
    fc.record({ kind: fc.constant('turn' as const), waitMs: fc.integer({ min: 0, max: 1_500 }), answer: fc.constantFrom('ack', 'lost') }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let state = emptyOutbox(EPOCH);
      let nowMs = 0;
      let commits = 0;
      const acked: number[] = [];
      for (const each of steps) {
        if (each.kind === 'commit') {
          if (!admits(state, POLICY, each.bytes)) continue;
          if (mustCutBefore(state, each.bytes)) state = onCut(state);
          state = commit(state, nowMs, each.bytes);
          commits += 1;
          continue;
        }
        nowMs += each.waitMs;
        const plan = planFlush(state, POLICY, nowMs);
        if (plan.kind === 'seal') state = onSealed(state.cut.length > 0 ? state : onCut(state), 10);
        if (plan.kind !== 'send') continue;
        const frame = state.sealed[0];
        expect(frame?.seq).toBe(plan.seq);
        if (each.answer === 'lost') state = onSendFailure(state, { nowMs, jitter: 0.5 });
        else {
          for (let row = frame?.firstRow ?? 0; row <= (frame?.lastRow ?? -1); row += 1) acked.push(row);
          state = onAck(state, { epoch: EPOCH, ackedSeq: plan.seq });
        }
      }
      expect(acked).toEqual(Array.from({ length: acked.length }, (_, i) => i + 1));
      expect(pendingEvents(state)).toBe(2 * (commits - acked.length));
      expect(unsealedEvents(state)).toBeLessThanOrEqual(pendingEvents(state));
      expect(outboxBytes(state)).toBeGreaterThanOrEqual(0);
    }),
  );
});
