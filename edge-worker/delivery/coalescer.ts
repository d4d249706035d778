import { encodeBase64Url } from '../../core/crypto/base64url.ts';
import type { EpochMs } from '../../core/time.ts';
import { Announcement } from '../announcement.ts';
import type { RandomBytes, RequestScope, ShardDoor } from '../ports.ts';
import { OpenBatch } from './open-batch.ts';
import type { Delivery, DraftEvent, Lane } from './delivery.ts';
import type { SpillWay } from './spill-way.ts';
import type { RejectionTally } from './tallies.ts';

/** Two calls to one shard at a time: one on its way while the shard commits the other. */
export const MAX_CALLS_IN_FLIGHT = 2;
/**
 * A call and its commit cost as much as some dozen events, so calls to a shard begin no closer together than this: what comes in between shares the next one. After
 * a pause nobody waits. A shard that is far away gets a second call when the first has been out for longer.
 */
export const CALL_SPACING_MS = 5;
export const SECOND_CALL_AFTER_MS = 10;
/** … but this many events are worth a call at any time. */
export const FULL_CALL_EVENTS = 256;
/** Above this, a shard's lane refuses: about a second of what one object can take in. */
export const MAX_WAITING_EVENTS = 20_000;
/** A call that has not answered by now is taken for lost; with the spill's turn it stays below `waitUntil`'s 30 s. */
export const CALL_TIMEOUT_MS = 10_000;
/** How long a batch waits for its turn before its lane counts as overloaded. */
export const TURN_TIMEOUT_MS = 5_000;
/** A carrier that has neither sent nor given up by now died with its request: another one takes over. */
const CARRIER_LIFE_MS = 30_000;
/** What a promised batch is known by, so that it counts once though it goes to its shard, to a spill object and there again. */
const BATCH_ID_BYTES = 8;
/** How often a waiting carrier looks for its turn by itself, should nobody wake it. */
const TURN_POLL_MS = 100;

/** The line of one shard's events of one kind; a request asks for it once and adds to it. */
export type LaneState = {
  readonly shard: string;
  readonly kind: Lane;
  open: OpenBatch | null;
  waitingEvents: number;
  /** When each call in flight began, oldest first; one that is older than any timeout no longer holds its place. */
  calls: EpochMs[];
  /** When the latest call began, in flight or not. */
  calledAtMs: EpochMs;
  /** Carriers that wait for a turn, first come first served. */
  readonly waiting: Announcement<true>[];
};

/**
 * Events of concurrent requests of one isolate for one shard share a call. The request that opens a batch carries it, with its own
 * timers and under its own `waitUntil`: workerd kills requests that merely await what another request promised.
 */
export class Coalescer {
  readonly #shards: ShardDoor;
  readonly #spill: SpillWay;
  readonly #rejections: RejectionTally;
  readonly #random: RandomBytes;
  readonly #log: (message: string) => void;
  readonly #lanes: Readonly<Record<Lane, Map<string, LaneState>>> = { awaited: new Map(), promised: new Map(), overflow: new Map() };

  constructor(options: { shards: ShardDoor; spill: SpillWay; rejections: RejectionTally; random: RandomBytes; log: (message: string) => void }) {
    this.#shards = options.shards;
    this.#spill = options.spill;
    this.#rejections = options.rejections;
    this.#random = options.random;
    this.#log = options.log;
  }

  /** The line of a shard's events of one kind. */
  lane(shard: string, kind: Lane): LaneState {
    let lane = this.#lanes[kind].get(shard);
    if (lane === undefined) {
      lane = { shard, kind, open: null, waitingEvents: 0, calls: [], calledAtMs: Number.NEGATIVE_INFINITY, waiting: [] };
      this.#lanes[kind].set(shard, lane);
    }
    return lane;
  }

  /**
   * Starts an event's way, as the last of the batch that is given back; null when the lane is full: the event was not taken. `previous`: where the request's event before
   * this one is. When it was the last that batch could take, the next leaves after it: a request's events keep their order.
   */
  add(lane: LaneState, event: DraftEvent, homeRegion: string, previous: OpenBatch | null, scope: RequestScope): OpenBatch | null {
    if (lane.waitingEvents >= MAX_WAITING_EVENTS) return null;
    const batch = this.#openBatch(lane, homeRegion, previous, scope);
    batch.add(event);
    lane.waitingEvents++;
    if (batch.eventCount === FULL_CALL_EVENTS) lane.waiting.shift()?.announce(true);
    return batch;
  }

  #openBatch(lane: LaneState, homeRegion: string, previous: OpenBatch | null, scope: RequestScope): OpenBatch {
    const { open } = lane;
    if (open !== null && !open.closed && !open.isFull) {
      const isNewHere = previous !== open;
      if (isNewHere && scope.arrivedAtMs - open.openedAtMs > CARRIER_LIFE_MS) scope.waitUntil(this.#carry(lane, open, null, scope));
      return open;
    }
    const id = lane.kind === 'awaited' ? '' : encodeBase64Url(this.#random(new Uint8Array(BATCH_ID_BYTES)));
    const batch = new OpenBatch({ lane: lane.kind, homeRegion, openedAtMs: scope.arrivedAtMs, id });
    lane.open = batch;
    scope.waitUntil(this.#carry(lane, batch, previous, scope));
    return batch;
  }

  async #carry(lane: LaneState, batch: OpenBatch, previous: OpenBatch | null, scope: RequestScope): Promise<void> {
    // Everything that arrives in this turn of the loop comes along.
    await Promise.resolve();
    if (previous !== null) await previous.delivered.wait(CALL_TIMEOUT_MS, scope);
    const turn = await this.#takeTurn(lane, batch, scope);
    try {
      if (!batch.closed) await this.#deliver(lane, batch, turn !== null, scope);
    } catch (cause) {
      this.#log(`a batch for ${lane.shard} could not be sent: ${String(cause)}`);
      batch.delivered.announce({ kind: 'failed' });
    } finally {
      if (turn !== null) this.#endTurn(lane, turn);
    }
  }

  async #deliver(lane: LaneState, batch: OpenBatch, hasTurn: boolean, scope: RequestScope): Promise<void> {
    batch.closed = true;
    if (lane.open === batch) lane.open = null;
    lane.waitingEvents -= batch.eventCount;
    batch.delivered.announce(await this.#send(lane.shard, batch, hasTurn, scope));
  }

  async #send(shard: string, batch: OpenBatch, hasTurn: boolean, scope: RequestScope): Promise<Delivery> {
    if (!hasTurn && batch.lane === 'awaited') return { kind: 'refused' };
    const rejections = this.#rejections.drain();
    const bytes = batch.finish(rejections);
    const dispositions = hasTurn && batch.lane !== 'overflow' ? await this.#call(shard, bytes, batch.id, scope) : null;
    if (dispositions?.length === batch.eventCount) return { kind: 'judged', dispositions };
    if (batch.lane !== 'awaited') return this.#spill.hold(shard, bytes, batch.id, scope);
    this.#rejections.restore(rejections);
    return { kind: 'failed' };
  }

  /** Null when the shard did not confirm the batch, for whatever reason. */
  #call(shard: string, bytes: Uint8Array, batchId: string, scope: RequestScope): Promise<Uint8Array | null> {
    return new Promise((resolve) => {
      scope.after(CALL_TIMEOUT_MS, () => resolve(null));
      this.#shards.record(shard, bytes, batchId).then(resolve, () => resolve(null));
    });
  }

  /** When the turn was taken; null when none came in time. */
  async #takeTurn(lane: LaneState, batch: OpenBatch, scope: RequestScope): Promise<EpochMs | null> {
    const givenUpAtMs = scope.clock.nowMs() + TURN_TIMEOUT_MS;
    for (;;) {
      const nowMs = scope.clock.nowMs();
      lane.calls = lane.calls.filter((beganAtMs) => nowMs - beganAtMs < CARRIER_LIFE_MS);
      const waitMs = waitForCall(lane, batch, nowMs);
      if (waitMs <= 0) {
        lane.calls.push(nowMs);
        lane.calledAtMs = nowMs;
        return nowMs;
      }
      if (nowMs >= givenUpAtMs) return null;
      await waitForTurn(lane, waitMs, scope);
    }
  }

  #endTurn(lane: LaneState, beganAtMs: EpochMs): void {
    const index = lane.calls.indexOf(beganAtMs);
    if (index >= 0) lane.calls.splice(index, 1);
    lane.waiting.shift()?.announce(true);
  }
}

/** How long a batch has to wait before it is worth another look; 0 or less: it may leave now. */
function waitForCall(lane: LaneState, batch: OpenBatch, nowMs: EpochMs): number {
  if (lane.calls.length >= MAX_CALLS_IN_FLIGHT) return TURN_POLL_MS;
  if (batch.eventCount >= FULL_CALL_EVENTS) return 0;
  const spacingMs = lane.calls.length === 0 ? CALL_SPACING_MS : SECOND_CALL_AFTER_MS;
  const sinceMs = nowMs - lane.calledAtMs;
  // A clock that was set back keeps nobody waiting.
  return sinceMs < 0 ? 0 : spacingMs - sinceMs;
}

/** Until a turn may be free: somebody ended one, or it is time to look. */
async function waitForTurn(lane: LaneState, timeoutMs: number, scope: RequestScope): Promise<void> {
  const turn = new Announcement<true>();
  lane.waiting.push(turn);
  await turn.wait(timeoutMs, scope);
  const index = lane.waiting.indexOf(turn);
  if (index >= 0) lane.waiting.splice(index, 1);
}
