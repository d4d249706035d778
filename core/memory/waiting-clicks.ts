import type { Key64 } from '../event.ts';
import type { WaitingClick } from '../judgement/judgement.ts';
import type { EpochMs } from '../time.ts';
import type { ColdTable, ColdTier } from './cold-tier.ts';
import { decodeWaitingPage, type WaitingEntry, waitingTable } from './waiting-pages.ts';

type Resident = WaitingEntry & { isNew: boolean };

/**
 * Counted clicks whose impression has not come, by join key. Like `RememberedTimes`, RAM answers for every one at or above the floor
 * and the new ones below it; the rest is in the cold tier, whose pages cannot be changed: `isWoken` tells which of those no longer wait.
 * What the floor has passed leaves RAM by and by, as clicks are added; nobody is told of it from there.
 */
export class WaitingClicks {
  readonly #table: number;
  readonly #cold: ColdTier;
  readonly #isWoken: (click: WaitingClick) => boolean;
  /** By 52 bits of the join key, then by click: one impression id may be claimed by any number of clicks. */
  readonly #resident = new Map<number, Map<string, Resident[]>>();
  /** Those that no generation holds, and some that have been woken meanwhile. */
  #news: Resident[] = [];
  #residentCount = 0;
  #newCount = 0;
  /** Where the sweep of what the floor has passed has come to; undefined when all is swept. */
  #sweep: Iterator<Map<string, Resident[]>> | undefined;
  #floorMs: EpochMs = Number.NEGATIVE_INFINITY;

  constructor(table: number, cold: ColdTier, isWoken: (click: WaitingClick) => boolean) {
    this.#table = table;
    this.#cold = cold;
    this.#isWoken = isWoken;
  }

  get residentCount(): number {
    return this.#residentCount;
  }

  get newCount(): number {
    return this.#newCount;
  }

  add(join: Key64, click: WaitingClick): void {
    const entry = { join, click, isNew: true };
    this.#put(entry);
    this.#news.push(entry);
    this.#newCount++;
    this.#sweepOn();
  }

  /** Clicks that wait for this impression and lie in [fromMs, toMs], oldest first. */
  find(join: Key64, fromMs: EpochMs, toMs: EpochMs): WaitingClick[] {
    if (this.#residentCount === 0 && fromMs >= this.#floorMs) return NONE;
    const found: WaitingClick[] = [];
    for (const copies of this.#resident.get(slotOf(join))?.values() ?? []) {
      for (const entry of copies) {
        const { join: own, click } = entry;
        if (sameKey(own, join) && click.eventTimeMs >= fromMs && click.eventTimeMs <= toMs && !this.#isPassed(entry)) found.push(click);
      }
    }
    if (fromMs < this.#floorMs) this.#findBelow(join, fromMs, toMs, found);
    return found.sort(byTimeThenId);
  }

  /** Lets a click go: it has its impression. No error where RAM does not hold it. */
  remove(join: Key64, click: WaitingClick): void {
    const slot = slotOf(join);
    const clicks = this.#resident.get(slot);
    const copies = clicks?.get(nameOf(click));
    const at = copies?.findIndex((entry) => sameKey(entry.join, join)) ?? -1;
    if (clicks === undefined || copies === undefined || at < 0) return;
    const [removed] = copies.splice(at, 1);
    if (removed!.isNew) this.#newCount--;
    removed!.isNew = false;
    this.#residentCount--;
    if (copies.length === 0) clicks.delete(nameOf(click));
    if (clicks.size === 0) this.#resident.delete(slot);
  }

  toColdTable(): ColdTable | undefined {
    return waitingTable(this.#news.filter(({ isNew }) => isNew));
  }

  /** To be called when a generation holds all that was new. */
  settle(floorMs: EpochMs): void {
    for (const entry of this.#news) entry.isNew = false;
    this.#news = [];
    this.#newCount = 0;
    if (floorMs <= this.#floorMs) return;
    this.#floorMs = floorMs;
    this.#sweep = this.#resident.values();
    this.#sweepOn();
  }

  /** A floor that leaves about `wanted` clicks in RAM, the youngest. */
  floorThatKeeps(wanted: number): EpochMs {
    if (this.#residentCount <= wanted) return this.#floorMs;
    const times = this.#sampleTimes(Math.ceil(this.#residentCount / FLOOR_SAMPLE));
    return times[Math.min(times.length - 1, Math.floor(times.length * (1 - wanted / this.#residentCount)))]! + 1;
  }

  /** Takes what still waits on a generation's page back into RAM. */
  restore(page: Uint8Array): void {
    for (const entry of decodeWaitingPage(page)) {
      if (entry.click.eventTimeMs >= this.#floorMs && !this.#isWoken(entry.click)) this.#put({ ...entry, isNew: false });
    }
  }

  #findBelow(join: Key64, fromMs: EpochMs, toMs: EpochMs, found: WaitingClick[]): void {
    const upToMs = Math.min(toMs, this.#floorMs - 1);
    for (const page of this.#cold.pagesWith(this.#table, join, fromMs, upToMs)) {
      for (const { join: own, click } of decodeWaitingPage(page)) {
        const fits = sameKey(own, join) && click.eventTimeMs >= fromMs && click.eventTimeMs <= upToMs;
        if (fits && !this.#isWoken(click)) found.push(click);
      }
    }
  }

  #put(entry: Resident): void {
    const slot = slotOf(entry.join);
    const clicks = this.#resident.get(slot) ?? new Map<string, Resident[]>();
    this.#resident.set(slot, clicks);
    const copies = clicks.get(nameOf(entry.click));
    if (copies === undefined) clicks.set(nameOf(entry.click), [entry]);
    else copies.push(entry);
    this.#residentCount++;
  }

  /** Whether only the cold tier answers for it, though it has not been swept yet. */
  #isPassed({ isNew, click }: Resident): boolean {
    return !isNew && click.eventTimeMs < this.#floorMs;
  }

  /** A few keys' clicks, if the floor has risen. */
  #sweepOn(): void {
    for (let step = 0; step < KEYS_SWEPT_PER_ADD && this.#sweep !== undefined; step++) {
      const next = this.#sweep.next();
      if (next.done === true) this.#sweep = undefined;
      else for (const entry of Array.from(next.value.values()).flat()) if (this.#isPassed(entry)) this.remove(entry.join, entry.click);
    }
  }

  /** The times of one click in `every`, ascending. */
  #sampleTimes(every: number): EpochMs[] {
    const times: EpochMs[] = [];
    let seen = 0;
    for (const clicks of this.#resident.values()) {
      for (const copies of clicks.values()) for (const { click } of copies) if (seen++ % every === 0) times.push(click.eventTimeMs);
    }
    return times.sort((a, b) => a - b);
  }
}

/** Times drawn at the most to find a quantile. */
const FLOOR_SAMPLE = 1_024;
/** Keys that an addition pays for while what the floor has passed is in RAM; a key has seldom more than one click. */
const KEYS_SWEPT_PER_ADD = 4;

const NONE: WaitingClick[] = [];

/** 52 bits of the key, exact in a number; the full key is compared afterwards. */
function slotOf(key: Key64): number {
  return key.hi * 0x10_0000 + (key.lo & 0xf_ffff);
}

function sameKey(a: Key64, b: Key64): boolean {
  return a.lo === b.lo && a.hi === b.hi;
}

/** A click that was counted twice (its id came again after the retry window) may bear the same name. */
function nameOf(click: WaitingClick): string {
  return `${click.id.lo}:${click.id.hi}:${click.eventTimeMs}`;
}

function byTimeThenId(a: WaitingClick, b: WaitingClick): number {
  return a.eventTimeMs - b.eventTimeMs || a.id.hi - b.id.hi || a.id.lo - b.id.lo;
}
