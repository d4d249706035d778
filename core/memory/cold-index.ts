import type { Key64 } from '../event.ts';
import type { EpochMs } from '../time.ts';
import { type KeyFilter, SLICED_FILTERS_MAX, SlicedFilters } from './key-filter.ts';

/** One table's share of one generation: what a search must know of it. */
export type Share = { readonly generation: number; readonly pages: number; readonly minMs: EpochMs; readonly maxMs: EpochMs };

/**
 * One table's shares of all generations, and their filters while there is RAM for them. Filters of one size are asked 32 at a time, so
 * that a search grows by three reads of memory for every 32 generations; a share without filter is always to be read.
 */
export class ColdIndex {
  /** Oldest first; of each size the last is being filled. */
  #groups: ShareGroup[] = [];
  /** Shares whose filter was given up, or has another size than groups can have. */
  #single: { readonly share: Share; readonly filter: KeyFilter | undefined }[] = [];

  /** RAM that filters take. */
  get filterBytes(): number {
    return this.#groups.reduce((bytes, group) => bytes + group.filterBytes, 0) + this.#single.reduce((bytes, { filter }) => bytes + (filter?.bytes.length ?? 0), 0);
  }

  /** The newest generation among the filters that `giveUpFilters` would give up; undefined where there are none. */
  get oldestFilters(): number | undefined {
    return this.#single.find(({ filter }) => filter !== undefined)?.share.generation ?? this.#groups[0]?.newest;
  }

  /** Takes in the share of a generation that is newer than all before. */
  add(share: Share, filter: KeyFilter | undefined): void {
    if (filter === undefined || !SlicedFilters.canHold(filter)) {
      this.#single.push({ share, filter });
      return;
    }
    let group = this.#groups.findLast(({ bits }) => bits === filter.bits);
    if (group === undefined || group.isFull) {
      group = new ShareGroup(filter.bits);
      this.#groups.push(group);
    }
    group.add(share, filter);
  }

  /** Shares that may hold the key with a time in [fromMs, toMs], newest first. */
  find(key: Key64, fromMs: EpochMs, toMs: EpochMs): readonly Share[] {
    let found: Share[] | undefined;
    for (const group of this.#groups) {
      const places = group.placesWith(key, fromMs, toMs);
      if (places !== 0) group.take(places, fromMs, toMs, (found ??= []));
    }
    for (const { share, filter } of this.#single) {
      if (isWithin(share, fromMs, toMs) && filter?.mayHave(key) !== false) (found ??= []).push(share);
    }
    return found?.sort((a, b) => b.generation - a.generation) ?? NONE;
  }

  /** Lets go of generations up to this one. */
  expire(generation: number): void {
    for (const group of this.#groups) group.expire(generation);
    this.#groups = this.#groups.filter(({ isEmpty }) => !isEmpty);
    this.#single = this.#single.filter(({ share }) => share.generation > generation);
  }

  /** Frees the RAM of the oldest filters: one alone, or a group of them. */
  giveUpFilters(): void {
    const alone = this.#single.findIndex(({ filter }) => filter !== undefined);
    if (alone >= 0) this.#single[alone] = { share: this.#single[alone]!.share, filter: undefined };
    else this.#single.push(...(this.#groups.shift()?.shares ?? []).map((share) => ({ share, filter: undefined })));
  }
}

/** Shares whose filters are asked together; a share keeps its place until all of them are gone. */
class ShareGroup {
  readonly #filters: SlicedFilters;
  readonly #shares: Share[] = [];
  /** Bit n: the share at n has not expired. */
  #live = 0;
  #minMs: EpochMs = Number.POSITIVE_INFINITY;
  #maxMs: EpochMs = Number.NEGATIVE_INFINITY;

  constructor(bits: number) {
    this.#filters = new SlicedFilters(bits);
  }

  get bits(): number {
    return this.#filters.bits;
  }

  get filterBytes(): number {
    return this.#filters.byteLength;
  }

  get isFull(): boolean {
    return this.#shares.length === SLICED_FILTERS_MAX;
  }

  get isEmpty(): boolean {
    return this.#live === 0;
  }

  get newest(): number | undefined {
    return this.#shares.at(-1)?.generation;
  }

  get shares(): readonly Share[] {
    return this.#shares.filter((_, at) => (this.#live & (1 << at)) !== 0);
  }

  add(share: Share, filter: KeyFilter): void {
    const at = this.#shares.length;
    this.#filters.set(at, filter);
    this.#shares.push(share);
    this.#live |= 1 << at;
    this.#minMs = Math.min(this.#minMs, share.minMs);
    this.#maxMs = Math.max(this.#maxMs, share.maxMs);
  }

  /** Bit n: the share at n may hold the key, as far as filters and the group's span of time tell. */
  placesWith(key: Key64, fromMs: EpochMs, toMs: EpochMs): number {
    return this.#minMs > toMs || this.#maxMs < fromMs ? 0 : this.#filters.whichMayHave(key, this.#live);
  }

  take(places: number, fromMs: EpochMs, toMs: EpochMs, into: Share[]): void {
    for (let left = places; left !== 0; left &= left - 1) {
      const share = this.#shares[31 - Math.clz32(left & -left)]!;
      if (isWithin(share, fromMs, toMs)) into.push(share);
    }
  }

  expire(generation: number): void {
    for (const [at, share] of this.#shares.entries()) if (share.generation <= generation) this.#live &= ~(1 << at);
  }
}

const NONE: readonly Share[] = [];

function isWithin(share: Share, fromMs: EpochMs, toMs: EpochMs): boolean {
  return share.minMs <= toMs && share.maxMs >= fromMs;
}
