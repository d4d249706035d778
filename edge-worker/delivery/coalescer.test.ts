import { beforeEach, describe, expect, test } from 'vitest';
import { DISPOSITIONS } from '../../core/disposition.ts';
import { EVENT_KINDS } from '../../core/event.ts';
import { EventBatchReader } from '../../schemas/wire/event-batch.ts';
import { AdEntry } from '../catalogue/catalogue-view.ts';
import { testAd, testSnapshot } from '../fixtures/network.ts';
import type { RequestScope } from '../ports.ts';
import { CALL_SPACING_MS, Coalescer, FULL_CALL_EVENTS, MAX_CALLS_IN_FLIGHT, MAX_WAITING_EVENTS, SECOND_CALL_AFTER_MS } from './coalescer.ts';
import { deliverPromised, Dispatch, type Acknowledgement, type AddressedEvent } from './delivery-office.ts';
import type { DraftEvent } from './delivery.ts';
import { SpillWay } from './spill-way.ts';
import { RejectionTally } from './tallies.ts';

const T = 1_700_000_000_000;
const entry = new AdEntry(testAd(), testSnapshot().campaigns[0]!, 'us');
const key = { lo: 1, hi: 2 };

function event(eventId: string): DraftEvent {
  const detail = { impressionId: '', clickId: eventId, referrer: '', userAgent: '', ipPrefix: '', bidRequestId: '', valueMicros: 0, currency: '', pop: 'us', claimedTimeMs: T };
  const names = { eventId, publisherId: '', placementId: '', creativeId: '', country: '', deviceType: 'other' as const };
  return { ...names, terms: entry.terms, ad: 0, kind: EVENT_KINDS.click, flags: 0, eventTimeMs: T, receivedAtMs: T, id: key, viewer: key, join: key, screenedReason: 0, reasonMask: 0, detail };
}
const addressed = (eventId: string, shard = 'live.us.e0.0.0'): AddressedEvent => ({ event: event(eventId), shard, homeRegion: 'us' });

/** A request that brings these events; overloaded with the first that finds no room. */
function deliverAll(coalescer: Coalescer, events: readonly AddressedEvent[], scope: RequestScope): Promise<Acknowledgement> {
  const dispatch = new Dispatch(coalescer, scope);
  return events.every((one) => dispatch.add(one)) ? dispatch.acknowledged() : Promise.resolve({ kind: 'overloaded' });
}

/** A coalescer over a shard that answers when the test says so. */
function rig() {
  const clock = { nowMs: T };
  const calls: { batch: EventBatchReader; answer: (codes?: Uint8Array) => void; fail: () => void }[] = [];
  const held: EventBatchReader[] = [];
  /** Names of batches, as shard and spill heard them. */
  const names: { recorded: string[]; held: string[] } = { recorded: [], held: [] };
  let drawn = 0;
  const spillFails = { times: 0 };
  const spill = new SpillWay(
    {
      hold: async (_shard, bytes, batchId) => {
        names.held.push(batchId);
        if (spillFails.times-- > 0) throw new Error('spill is down');
        held.push(new EventBatchReader(bytes));
      },
    },
    () => undefined,
  );
  const rejections = new RejectionTally('us');
  const shards = {
    record: (_shard: string, bytes: Uint8Array, batchId: string) => {
      names.recorded.push(batchId);
      const batch = new EventBatchReader(bytes);
      return new Promise<Uint8Array>((resolve, reject) => {
        calls.push({ batch, answer: (codes = new Uint8Array(batch.eventCount).fill(DISPOSITIONS.counted)) => resolve(codes), fail: () => reject(new Error('reset')) });
      });
    },
  };
  const coalescer = new Coalescer({ shards, spill, rejections, random: (bytes) => bytes.fill(++drawn), log: () => undefined });
  const background: Promise<unknown>[] = [];
  // Waits pass fifty times as fast.
  const scope = (): RequestScope => ({
    arrivedAtMs: T,
    clock: { nowMs: () => clock.nowMs },
    canBeWoken: true,
    sleep: (durationMs) => new Promise((resolve) => setTimeout(resolve, durationMs / 50)),
    after: (durationMs, work) => void setTimeout(work, durationMs / 50),
    waitUntil: (work) => void background.push(work),
  });
  return { clock, calls, held, names, spill, spillFails, rejections, coalescer, scope, background };
}
const ids = ({ batch }: { batch: EventBatchReader }) => Array.from({ length: batch.eventCount }, (_, i) => batch.eventId(i));
const turn = () => new Promise((resolve) => setTimeout(resolve, 2));

let r: ReturnType<typeof rig>;
beforeEach(() => {
  r = rig();
});

describe('events of concurrent requests', () => {
  test('share a call; what comes meanwhile shares the next, which leaves when the first is long in coming', async () => {
    const first = [deliverAll(r.coalescer, [addressed('a')], r.scope()), deliverAll(r.coalescer, [addressed('b')], r.scope())];
    await turn();
    expect(r.calls.map(ids)).toEqual([['a', 'b']]);
    const more = [deliverAll(r.coalescer, [addressed('c')], r.scope())];
    await turn();
    expect(r.calls.length).toBe(1);
    r.clock.nowMs += SECOND_CALL_AFTER_MS;
    while (r.calls.length < 2) await turn();
    for (const id of ['d', 'e', 'f']) {
      more.push(deliverAll(r.coalescer, [addressed(id)], r.scope()));
      await turn();
    }
    expect(r.calls.map(ids)).toEqual([['a', 'b'], ['c']]);
    expect(r.calls.length).toBe(MAX_CALLS_IN_FLIGHT);
    r.calls[0]!.answer();
    r.clock.nowMs += SECOND_CALL_AFTER_MS;
    while (r.calls.length < 3) await turn();
    expect(ids(r.calls[2]!)).toEqual(['d', 'e', 'f']);
    r.calls[1]!.answer();
    r.calls[2]!.answer();
    await Promise.all([...first, ...more]);
  });

  // t (ms)   0 ── 1 ─────────── 5 ──
  // event    a    b       c     │
  // call     a                  b c
  test('share a call with all that come while the shard was called a moment ago', async () => {
    const acknowledged = [deliverAll(r.coalescer, [addressed('a')], r.scope())];
    await turn();
    r.calls[0]!.answer();
    await acknowledged[0];
    for (const id of ['b', 'c']) {
      r.clock.nowMs += 1;
      acknowledged.push(deliverAll(r.coalescer, [addressed(id)], r.scope()));
      await turn();
    }
    expect(r.calls.length).toBe(1);
    r.clock.nowMs = T + CALL_SPACING_MS;
    while (r.calls.length < 2) await turn();
    expect(ids(r.calls[1]!)).toEqual(['b', 'c']);
    r.calls[1]!.answer();
    await Promise.all(acknowledged);
  });

  test('wait for nobody when they fill a call, nor for a clock that was set back', async () => {
    const many = (prefix: string) => Array.from({ length: FULL_CALL_EVENTS }, (_, i) => addressed(`${prefix}-${i}`));
    const acknowledged = [many('a'), [addressed('b')], many('c')].map((events) => deliverAll(r.coalescer, events, r.scope()));
    await turn();
    expect(r.calls.map(({ batch }) => batch.eventCount)).toEqual([2 * FULL_CALL_EVENTS + 1]);
    r.calls[0]!.answer();
    await Promise.all(acknowledged);
    acknowledged.push(deliverAll(r.coalescer, [addressed('d')], r.scope()));
    await turn();
    expect(r.calls.length).toBe(1);
    acknowledged.push(deliverAll(r.coalescer, many('e'), r.scope()));
    await turn();
    expect(r.calls.map(({ batch }) => batch.eventCount)).toEqual([2 * FULL_CALL_EVENTS + 1, FULL_CALL_EVENTS + 1]);
    r.calls[1]!.answer();
    r.clock.nowMs -= 60_000;
    acknowledged.push(deliverAll(r.coalescer, [addressed('f')], r.scope()));
    await turn();
    expect(r.calls.length).toBe(3);
    r.calls[2]!.answer();
    await Promise.all(acknowledged);
  });

  test('get the dispositions that are theirs, across shards, and where other requests come in between', async () => {
    const { counted, duplicate } = DISPOSITIONS;
    const slow = new Dispatch(r.coalescer, r.scope());
    slow.add(addressed('a', 's1'));
    slow.add(addressed('b', 's2'));
    const others = [deliverAll(r.coalescer, [addressed('c', 's1')], r.scope()), deliverAll(r.coalescer, [addressed('d', 's1'), addressed('e', 's1')], r.scope())];
    slow.add(addressed('f', 's1'));
    const waiting = Promise.all([slow.acknowledged(), ...others]);
    await turn();
    expect(r.calls.map(ids)).toEqual([['a', 'c', 'd', 'e', 'f'], ['b']]);
    r.calls[0]!.answer(Uint8Array.of(counted, duplicate, counted, counted, duplicate));
    r.calls[1]!.answer(Uint8Array.of(duplicate));
    expect(await waiting).toEqual([
      { kind: 'durable', duplicates: 2 },
      { kind: 'durable', duplicates: 1 },
      { kind: 'durable', duplicates: 0 },
    ]);
  });

  test('are carried by another request when the one that opened their batch has died, by one carrier for all that it brings', async () => {
    for (let i = 0; i < MAX_CALLS_IN_FLIGHT; i++) {
      void deliverAll(r.coalescer, [addressed(`sent-${i}`)], r.scope());
      await turn();
      r.clock.nowMs += SECOND_CALL_AFTER_MS;
    }
    void deliverAll(r.coalescer, [addressed('left')], r.scope());
    await turn();
    let carriers = 0;
    const later: RequestScope = { ...r.scope(), arrivedAtMs: T + 31_000, waitUntil: () => void carriers++ };
    const acknowledged = deliverAll(r.coalescer, ['a', 'b', 'c'].map((id) => addressed(id)), later);
    expect(carriers).toBe(1);
    r.clock.nowMs += SECOND_CALL_AFTER_MS;
    r.calls[0]!.answer();
    while (r.calls.length <= MAX_CALLS_IN_FLIGHT) await turn();
    expect(ids(r.calls.at(-1)!)).toEqual(['left', 'a', 'b', 'c']);
    r.calls.at(-1)!.answer();
    expect(await acknowledged).toEqual({ kind: 'durable', duplicates: 0 });
  });

  test('leave in their order when they fill one batch after the other', async () => {
    const long = Array.from({ length: 9 }, (_, i) => ({ ...addressed(`e-${i}`), event: { ...event(`e-${i}`), detail: { ...event('').detail, referrer: 'x'.repeat(150_000) } } }));
    const acknowledged = deliverAll(r.coalescer, long, r.scope());
    const seen: string[] = [];
    while (seen.length < long.length) {
      while (r.calls.length === 0) await turn();
      expect(r.calls.length).toBe(1);
      seen.push(...ids(r.calls[0]!));
      r.calls.shift()!.answer();
      r.clock.nowMs += SECOND_CALL_AFTER_MS;
    }
    expect(seen).toEqual(long.map(({ event: { eventId } }) => eventId));
    expect(await acknowledged).toEqual({ kind: 'durable', duplicates: 0 });
  });

  test('that wait for an answer are never mixed with those that were promised', async () => {
    void deliverAll(r.coalescer, [addressed('awaited')], r.scope());
    void deliverPromised(r.coalescer, addressed('promised'), 1_000, r.scope());
    await turn();
    expect(r.calls.map(ids)).toEqual([['awaited'], ['promised']]);
  });
});

describe('a shard that fails', () => {
  test('an awaited batch is not acknowledged and not spilled: its sender tries again', async () => {
    r.rejections.add('malformed', T);
    const acknowledged = deliverAll(r.coalescer, [addressed('a')], r.scope());
    await turn();
    expect(r.calls[0]!.batch.tallies.map(({ rejection }) => rejection)).toEqual(['', 'malformed']);
    r.calls[0]!.fail();
    expect(await acknowledged).toEqual({ kind: 'unconfirmed' });
    expect(r.held).toEqual([]);
    expect(r.rejections.drain()).toHaveLength(1);
  });

  test('a promised batch goes to a spill object', async () => {
    const durable = deliverPromised(r.coalescer, addressed('a'), 10_000, r.scope());
    await turn();
    r.calls[0]!.fail();
    expect(await durable).toBe(true);
    expect(r.held.map((batch) => [batch.eventId(0), batch.tallies[0]!.count])).toEqual([['a', 1]]);
    expect(r.spill.counts).toEqual({ spilled: 1, lost: 0, parked: 0 });
  });

  test('a promised batch has one name on all its ways, another than the next batch; an awaited one has none', async () => {
    r.spillFails.times = 2;
    const durable = deliverPromised(r.coalescer, addressed('a'), 10_000, r.scope());
    await turn();
    r.calls[0]!.fail();
    expect(await durable).toBe(false);
    await Promise.all(r.background);
    r.clock.nowMs += CALL_SPACING_MS;
    void deliverPromised(r.coalescer, addressed('b'), 1_000, r.scope());
    void deliverAll(r.coalescer, [addressed('c')], r.scope());
    await turn();
    const [first, second, third] = r.names.recorded;
    expect(first).toMatch(/^[\w-]{11}$/);
    expect(r.names.held).toEqual([first, first, first]);
    expect(second).toMatch(/^[\w-]{11}$/);
    expect(second).not.toBe(first);
    expect(third).toBe('');
  });

  test('and is unconfirmed, but not lost, while that is down', async () => {
    r.spillFails.times = 3;
    const durable = deliverPromised(r.coalescer, addressed('a'), 10_000, r.scope());
    await turn();
    r.calls[0]!.fail();
    expect(await durable).toBe(false);
    await Promise.all(r.background);
    expect(r.held.map((batch) => [batch.eventId(0), batch.tallies[0]!.count])).toEqual([['a', 1]]);
    expect(r.spill.counts).toEqual({ spilled: 1, lost: 0, parked: 0 });
  });

  test('an answer of the wrong length confirms nothing', async () => {
    const acknowledged = deliverAll(r.coalescer, [addressed('a')], r.scope());
    await turn();
    r.calls[0]!.answer(new Uint8Array(0));
    expect(await acknowledged).toEqual({ kind: 'unconfirmed' });
  });
});

describe('a shard that does not keep up', () => {
  test('refuses senders above its bound; promised events overflow to the spill object', async () => {
    for (let i = 0; i < MAX_CALLS_IN_FLIGHT; i++) {
      void deliverPromised(r.coalescer, addressed(`sent-${i}`), 0, r.scope());
      void deliverAll(r.coalescer, [addressed(`asked-${i}`)], r.scope());
      await turn();
      r.clock.nowMs += SECOND_CALL_AFTER_MS;
    }
    const many = (prefix: string) => Array.from({ length: MAX_WAITING_EVENTS }, (_, i) => addressed(`${prefix}-${i}`));
    void deliverAll(r.coalescer, many('waiting'), r.scope());
    expect(await deliverAll(r.coalescer, [addressed('one-more')], r.scope())).toEqual({ kind: 'overloaded' });
    for (const waiting of many('promised')) void r.coalescer.add(r.coalescer.lane(waiting.shard, 'promised'), waiting.event, 'us', null, r.scope());
    expect(await deliverPromised(r.coalescer, addressed('overflow'), 10_000, r.scope())).toBe(true);
    expect(r.held.map((batch) => batch.eventId(0))).toEqual(['overflow']);
  });
});
