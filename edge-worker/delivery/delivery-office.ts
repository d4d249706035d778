import { DISPOSITIONS } from '../../core/disposition.ts';
import { assert } from '../../core/errors.ts';
import type { RequestScope } from '../ports.ts';
import { whenReady, type Soon } from '../soon.ts';
import type { Coalescer, LaneState } from './coalescer.ts';
import type { DraftEvent } from './delivery.ts';
import type { OpenBatch } from './open-batch.ts';

/** An event and the shard that counts it. */
export type AddressedEvent = { readonly event: DraftEvent; readonly shard: string; readonly homeRegion: string };

/** Longer than a batch's own time-outs together: what has not been heard of by then is unconfirmed. */
const REPLY_TIMEOUT_MS = 20_000;

/** What became of a request's events: how many of them were duplicates; or why nobody can say. */
export type Acknowledgement =
  | { readonly kind: 'durable'; readonly duplicates: number }
  | { readonly kind: 'overloaded' }
  | { readonly kind: 'unconfirmed' };

/** A run of a request's events in one batch. */
type Place = { readonly batch: OpenBatch; readonly first: number; count: number };

/** A request's way to one shard, and where its last event there is. */
type Leg = { readonly shard: string; readonly lane: LaneState; place: Place | null };

/**
 * The events of one request, whose sender waits: each goes on its way as it is added, in order to each shard, and nothing of it is kept but its place. Nothing is
 * acknowledged by halves: one shard's failure is the request's, and its sender's retry makes duplicates of what did land.
 */
export class Dispatch {
  readonly #coalescer: Coalescer;
  readonly #scope: RequestScope;
  readonly #legs = new Map<string, Leg>();
  readonly #places: Place[] = [];
  #leg: Leg | undefined;

  constructor(coalescer: Coalescer, scope: RequestScope) {
    this.#coalescer = coalescer;
    this.#scope = scope;
  }

  /** False when too much waits for the event's shard: it was not taken, and the request is overloaded. */
  add({ event, shard, homeRegion }: AddressedEvent): boolean {
    const leg = this.#legTo(shard);
    const batch = this.#coalescer.add(leg.lane, event, homeRegion, leg.place?.batch ?? null, this.#scope);
    if (batch === null) return false;
    const at = batch.eventCount - 1;
    if (leg.place?.batch === batch && leg.place.first + leg.place.count === at) leg.place.count++;
    else this.#places.push((leg.place = { batch, first: at, count: 1 }));
    return true;
  }

  /** Waits until all of them are durable. */
  async acknowledged(): Promise<Acknowledgement> {
    const { clock } = this.#scope;
    const givenUpAtMs = clock.nowMs() + REPLY_TIMEOUT_MS;
    let duplicates = 0;
    for (const { batch, first, count } of this.#places) {
      const delivery = await batch.delivered.wait(Math.max(0, givenUpAtMs - clock.nowMs()), this.#scope);
      if (delivery?.kind === 'refused') return { kind: 'overloaded' };
      if (delivery?.kind !== 'judged') return { kind: 'unconfirmed' };
      duplicates += duplicatesIn(delivery.dispositions, first, first + count);
    }
    return { kind: 'durable', duplicates };
  }

  /** Runs of one shard's events ask the map once. */
  #legTo(shard: string): Leg {
    if (this.#leg?.shard === shard) return this.#leg;
    let leg = this.#legs.get(shard);
    if (leg === undefined) this.#legs.set(shard, (leg = { shard, lane: this.#coalescer.lane(shard, 'awaited'), place: null }));
    this.#leg = leg;
    return leg;
  }
}

/**
 * Starts the way of an event whose sender gets his answer now, and waits for it `budgetMs` at most, not at all for 0. True when it is durable; otherwise it goes on
 * by itself: to its shard, to a spill object, and again.
 */
export function deliverPromised(coalescer: Coalescer, { event, shard, homeRegion }: AddressedEvent, budgetMs: number, scope: RequestScope): Soon<boolean> {
  const batch =
    coalescer.add(coalescer.lane(shard, 'promised'), event, homeRegion, null, scope) ?? coalescer.add(coalescer.lane(shard, 'overflow'), event, homeRegion, null, scope);
  if (batch === null || budgetMs === 0) return false;
  return whenReady(batch.delivered.wait(budgetMs, scope), (delivery) => delivery?.kind === 'judged' || delivery?.kind === 'spilled');
}

function duplicatesIn(dispositions: Uint8Array, from: number, to: number): number {
  let duplicates = 0;
  for (let at = from; at < to; at++) {
    const code = dispositions[at];
    assert(code !== undefined && code > 0, 'every acknowledged event has a disposition');
    if (code === DISPOSITIONS.duplicate) duplicates++;
  }
  return duplicates;
}
