import type { Key64 } from '../event.ts';
import type { WaitingClick } from '../judgement/judgement.ts';
import type { EpochMs } from '../time.ts';
import { ClickSlots, type Resident, sameKey } from './click-slots.ts';
import type { ColdTable, ColdTier } from './cold-tier.ts';
import { decodeWaitingPage, waitingTable } from './waiting-pages.ts';

/**
 * Counted clicks whose impression has not come, by join key. Like `RememberedTimes`, RAM answers for every one at or above the floor
 * and the new ones below it; the rest is in the cold tier, whose pages cannot be changed: `isWoken` tells which of those no longer wait.
 * What the floor has passed leaves RAM by and by, as clicks are added; nobody is told of it from there.
 */
export class WaitingClicks {
  readonly #table: number;
  readonly #cold: ColdTier;
  readonly #isWoken: (click: WaitingClick) => boolean;
  readonly #resident = new ClickSlots();
  /** Those that no generation holds, and some that have been woken meanwhile. */
  #news: Resident[] = [];
  #newCount = 0;
  /** Where the sweep of what the floor has passed has come to; undefined when all is swept. */
  #sweep: Iterator<readonly Resident[]> | undefined;
  #floorMs: EpochMs = Number.NEGATIVE_INFINITY;

  constructor(table: number, cold: ColdTier, isWoken: (click: WaitingClick) => boolean) {
    this.#table = table;
    this.#cold = cold;
    this.#isWoken = isWoken;
  }

  get residentCount(): number {
    return this.#resident.count;
  }

  get newCount(): number {
    return this.#newCount;
  }

  add(join: Key64, click: WaitingClick): void {
    this.#news.push(this.#resident.add({ join, click }, true));
    this.#newCount++;
    this.#sweepOn();
  }

  /** Clicks that wait for this impression and lie in [fromMs, toMs], oldest first. */
  find(join: Key64, fromMs: EpochMs, toMs: EpochMs): WaitingClick[] {
    if (this.#resident.count === 0 && fromMs >= this.#floorMs) return NONE;
    const found: WaitingClick[] = [];
    for (const entry of this.#resident.at(join)) {
      const { join: own, click } = entry;
      if (sameKey(own, join) && click.eventTimeMs >= fromMs && click.eventTimeMs <= toMs && !this.#isPassed(entry)) found.push(click);
    }
    if (fromMs < this.#floorMs) this.#findBelow(join, fromMs, toMs, found);
    return found.sort(byTimeThenId);
  }

  /** Lets a click go: it has its impression. No error where RAM does not hold it. */
  remove(join: Key64, click: WaitingClick): void {
    const removed = this.#resident.remove(join, click);
    if (removed === undefined) return;
    if (removed.isNew) this.#newCount--;
    removed.isNew = false;
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
    this.#sweep = this.#resident.keys();
    this.#sweepOn();
  }

  /** A floor that leaves about `wanted` clicks in RAM, the youngest. */
  floorThatKeeps(wanted: number): EpochMs {
    const { count } = this.#resident;
    if (count <= wanted) return this.#floorMs;
    const times = this.#sampleTimes(Math.ceil(count / FLOOR_SAMPLE));
    return times[Math.min(times.length - 1, Math.floor(times.length * (1 - wanted / count)))]! + 1;
  }

  /** Takes what still waits on a generation's page back into RAM. */
  restore(page: Uint8Array): void {
    for (const entry of decodeWaitingPage(page)) {
      if (entry.click.eventTimeMs >= this.#floorMs && !this.#isWoken(entry.click)) this.#resident.add(entry, false);
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

  /** Whether only the cold tier answers for it, though it has not been swept yet. */
  #isPassed({ isNew, click }: Resident): boolean {
    return !isNew && click.eventTimeMs < this.#floorMs;
  }

  /** A few keys' clicks, if the floor has risen. */
  #sweepOn(): void {
    for (let step = 0; step < KEYS_SWEPT_PER_ADD && this.#sweep !== undefined; step++) {
      const next = this.#sweep.next();
      if (next.done === true) this.#sweep = undefined;
      else for (const entry of next.value) if (this.#isPassed(entry)) this.remove(entry.join, entry.click);
    }
  }

  /** The times of one click in `every`, ascending. */
  #sampleTimes(every: number): EpochMs[] {
    const times: EpochMs[] = [];
    let seen = 0;
    for (const clicks of this.#resident.keys()) {
      for (const { click } of clicks) if (seen++ % every === 0) times.push(click.eventTimeMs);
    }
    return times.sort((a, b) => a - b);
  }
}

/** Times drawn at the most to find a quantile. */
const FLOOR_SAMPLE = 1_024;
/** Keys that an addition pays for while what the floor has passed is in RAM; a key has seldom more than one click. */
const KEYS_SWEPT_PER_ADD = 4;

const NONE: WaitingClick[] = [];

function byTimeThenId(a: WaitingClick, b: WaitingClick): number {
  return a.eventTimeMs - b.eventTimeMs || a.id.hi - b.id.hi || a.id.lo - b.id.lo;
}
