import { assert } from '../../core/errors.ts';
import type { RequestScope } from '../ports.ts';
import { whenReady, type Soon } from '../soon.ts';
import type { Coalescer, Place } from './coalescer.ts';
import type { DraftEvent, Shipment } from './shipment.ts';

/** An event and the shard that counts it. */
export type AddressedEvent = { readonly event: DraftEvent; readonly shard: string; readonly homeRegion: string };

/** Longer than a batch's own time-outs together: what has not been heard of by then is unconfirmed. */
const REPLY_TIMEOUT_MS = 20_000;

/** Disposition codes of a request's events, in their order; or why there are none. */
export type Acknowledgement =
  | { readonly kind: 'durable'; readonly dispositions: readonly number[] }
  | { readonly kind: 'overloaded' }
  | { readonly kind: 'unconfirmed' };

/**
 * Sends a request's events, grouped by shard and in order within each, and waits until all of them are durable. Nothing is
 * acknowledged by halves: one shard's failure is the request's, and its sender's retry makes duplicates of what did land.
 */
export async function deliverAll(coalescer: Coalescer, addressed: readonly AddressedEvent[], scope: RequestScope): Promise<Acknowledgement> {
  const groups = groupByShard(addressed);
  const placed: { readonly indices: readonly number[]; readonly places: readonly Place[] }[] = [];
  for (const { shipment, indices } of groups) {
    const places = coalescer.submit(shipment, scope);
    if (places === null) return { kind: 'overloaded' };
    placed.push({ indices, places });
  }
  const givenUpAtMs = scope.clock.nowMs() + REPLY_TIMEOUT_MS;
  const dispositions = addressed.map(() => 0);
  for (const { indices, places } of placed) {
    let next = 0;
    for (const { delivered, first, count } of places) {
      const delivery = await delivered.wait(Math.max(0, givenUpAtMs - scope.clock.nowMs()), scope);
      if (delivery?.kind === 'refused') return { kind: 'overloaded' };
      if (delivery?.kind !== 'judged') return { kind: 'unconfirmed' };
      for (let i = 0; i < count; i++) dispositions[indices[next++]!] = delivery.dispositions[first + i]!;
    }
  }
  assert(dispositions.every((code) => code > 0), 'every acknowledged event has a disposition');
  return { kind: 'durable', dispositions };
}

/**
 * Starts the way of an event whose sender gets his answer now, and waits for it `budgetMs` at most, not at all for 0. True when it is durable; otherwise it goes on
 * by itself: to its shard, to a spill object, and again.
 */
export function deliverPromised(coalescer: Coalescer, addressed: AddressedEvent, budgetMs: number, scope: RequestScope): Soon<boolean> {
  const { event, shard, homeRegion } = addressed;
  const events = [event];
  const places =
    coalescer.submit({ shard, homeRegion, lane: 'promised', events }, scope) ?? coalescer.submit({ shard, homeRegion, lane: 'overflow', events }, scope);
  if (places === null || budgetMs === 0) return false;
  return whenReady(places[0]!.delivered.wait(budgetMs, scope), (delivery) => delivery?.kind === 'judged' || delivery?.kind === 'spilled');
}

type Group = { readonly shard: string; readonly homeRegion: string; readonly events: DraftEvent[]; readonly indices: number[] };

/** Runs of one shard's events ask the map once. */
function groupByShard(addressed: readonly AddressedEvent[]): { shipment: Shipment; indices: number[] }[] {
  const groups = new Map<string, Group>();
  let group: Group | undefined;
  for (let index = 0; index < addressed.length; index++) {
    const { event, shard, homeRegion } = addressed[index]!;
    if (group?.shard !== shard) group = groups.get(shard);
    if (group === undefined) groups.set(shard, (group = { shard, homeRegion, events: [], indices: [] }));
    group.events.push(event);
    group.indices.push(index);
  }
  return Array.from(groups.values(), ({ shard, homeRegion, events, indices }) => ({ shipment: { shard, homeRegion, lane: 'awaited', events }, indices }));
}
