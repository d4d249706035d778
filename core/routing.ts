import { assert } from './errors.ts';
import { DAY_MS, MINUTE_MS, type EpochMs } from './time.ts';

/** `live` traffic and imported history never share a shard: their clocks differ. */
export const SOURCES = ['live', 'replay'] as const;
export type Source = (typeof SOURCES)[number];

/**
 * What decides where events are counted changes no sooner than so long after it was announced: whoever has heard from the network since knows of every
 * change that can concern an event of now.
 */
export const ANNOUNCED_LEAD_MS = 15 * MINUTE_MS;

/** An event a day late is still counted, and recognised for a week; a month is more than both. */
export const AD_PLACES_KEPT_MS = 31 * DAY_MS;

/** Shard counts by time: a token keeps the count that was in force when it was issued. */
export type ShardEpoch = { readonly epoch: number; readonly sinceMs: EpochMs; readonly shards: number };

/**
 * Where an ad's events without a token are counted, by time: over how many sub-shards of which region. Ascending; what happened before the first
 * belongs to the first. `homeRegion` is '' for the network's first, and absent in what was noted before regions were: the ad's own then.
 */
export type AdPlace = { readonly sinceMs: EpochMs; readonly salts: number; readonly homeRegion?: string };

/** By ad, for those that were ever spread otherwise or moved. */
export type AdPlaceNotes = Readonly<Record<string, readonly AdPlace[]>>;

/** An ad's place among the shards of one epoch: the epoch, and which of its shards. */
export type ShardSlot = { readonly epoch: number; readonly shard: number };

/** Everything that decides which object counts an event; no part of it depends on the POP of entry. */
export type ShardAddress = {
  readonly source: Source;
  readonly homeRegion: string;
  /** A token carries the one that it was issued with; see `slotAt`. */
  readonly slot: ShardSlot;
  /** 16 bits of the viewer's key; spreads a hot ad over its salts, one viewer staying in one of them. */
  readonly route: number;
  /** Sub-shards of the ad, at least 1. */
  readonly salts: number;
};

/** A shard's name taken apart. */
export type ShardName = {
  readonly source: Source;
  readonly homeRegion: string;
  readonly epoch: number;
  readonly shard: number;
  readonly salt: number;
};

/** The object that counts an event: `<source>.<homeRegion>.e<epoch>.<shard>.<salt>`. */
export function shardName(address: ShardAddress): string {
  const { epoch, shard } = address.slot;
  assert(Number.isInteger(address.salts) && address.salts >= 1, 'an ad has at least one salt');
  return `${address.source}.${address.homeRegion}.e${epoch}.${shard}.${address.route % address.salts}`;
}

/** Where an ad (`adHash` in core/hash.ts) stands by the epoch in force at an instant: when a token is issued, or, without one, when the event happened. */
export function slotAt(epochs: readonly ShardEpoch[], adHash: number, atMs: EpochMs): ShardSlot {
  const { epoch, shards } = epochAt(epochs, atMs);
  assert(Number.isInteger(shards) && shards >= 1, 'an epoch has at least one shard');
  return { epoch, shard: adHash % shards };
}

/** The epoch in force at an instant: the latest that has begun; what happened before the first belongs to the first. */
export function epochAt(epochs: readonly ShardEpoch[], atMs: EpochMs): ShardEpoch {
  const first = epochs[0];
  assert(first !== undefined, 'there is at least one shard epoch');
  let begun: ShardEpoch | undefined;
  let earliest = first;
  for (const epoch of epochs) {
    if (epoch.sinceMs < earliest.sinceMs) earliest = epoch;
    if (epoch.sinceMs <= atMs && (begun === undefined || isLater(epoch, begun))) begun = epoch;
  }
  return begun ?? earliest;
}

/** An ad's place for an event without a token that happened at `atMs`. */
export function placeAt<Place extends AdPlace>(places: readonly Place[], atMs: EpochMs): Place {
  const place = places.findLast(({ sinceMs }) => sinceMs <= atMs) ?? places[0];
  assert(place !== undefined, 'an ad has a place at any time');
  return place;
}

/**
 * The places by time after an ad was moved or spread at `nowMs`: in force once every edge has heard of it, and after whatever was announced before. What
 * began and ended more than `AD_PLACES_KEPT_MS` ago is left out: nobody sends events of that time again.
 */
export function announcePlace(places: readonly AdPlace[], next: Omit<AdPlace, 'sinceMs'>, nowMs: EpochMs): readonly AdPlace[] {
  const last = places.at(-1);
  assert(last !== undefined, 'an ad has a place before it is changed');
  const all = [...places, { sinceMs: Math.max(nowMs + ANNOUNCED_LEAD_MS, last.sinceMs + 1), ...next }];
  const isOver = (i: number): boolean => all[i + 1] !== undefined && all[i + 1]!.sinceMs < nowMs - AD_PLACES_KEPT_MS;
  return all.filter((_, i) => !isOver(i));
}

/** The parts of a shard's name; undefined for a text that `shardName` cannot have made. */
export function parseShardName(text: string): ShardName | undefined {
  const match = SHARD_NAME_PATTERN.exec(text);
  if (match === null) return undefined;
  const [, source, homeRegion, epoch, shard, salt] = match;
  return { source: source as Source, homeRegion: homeRegion as string, epoch: Number(epoch), shard: Number(shard), salt: Number(salt) };
}

const SHARD_NAME_PATTERN = /^(live|replay)\.([A-Za-z0-9_.:-]{1,64})\.e(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})$/;

function isLater(a: ShardEpoch, b: ShardEpoch): boolean {
  return a.sinceMs === b.sinceMs ? a.epoch > b.epoch : a.sinceMs > b.sinceMs;
}
