import type { EpochMs } from '../../core/time.ts';
import type { ToldSnapshot } from '../../schemas/snapshot.ts';
import { Announcement } from '../announcement.ts';
import type { RequestScope, SnapshotStore } from '../ports.ts';
import type { Soon } from '../soon.ts';
import { isNewer, type CatalogueView } from './catalogue-view.ts';
import { freshnessOf, WORD_LIFE_MS } from './freshness.ts';

/** At most one read of the store per isolate in this time, however many requests ask for ads that nobody knows. */
export const READ_INTERVAL_MS = 100;
/** A request waits no longer than this for a newer copy while it has an old one; not at all while the store is known to be away. */
export const STALE_WAIT_MS = 250;
/** … and no longer than this while it has none, or looks for an ad or a key that is not in it. */
export const MISSING_WAIT_MS = 1_000;
/** A read that has not ended by now died with its request, or its store hangs: another may begin. */
const READ_LIFE_MS = 2_000;
/** A waiting request looks by itself this often, should the one that reads never wake it. */
const POLL_MS = 25;

type Read = { readonly startedAtMs: EpochMs; readonly ended: Announcement<true> };

/**
 * The isolate's copy of the catalogue. Reads are counted: a request that must see what was registered before it came waits for
 * the end of a read with a number above its ticket. Requests wait with promises and timers of their own.
 */
export class CatalogueCache {
  readonly #store: SnapshotStore;
  readonly #hear: (text: string) => ToldSnapshot;
  readonly #open: (sealed: string) => CatalogueView;
  readonly #log: (message: string) => void;
  #view: CatalogueView | null = null;
  #sealed = '';
  /** When the hub last stood by `#view`, no later than we read it. */
  #toldAtMs: EpochMs = Number.NEGATIVE_INFINITY;
  /** When the read that confirmed `#view` began. */
  #confirmedAtMs: EpochMs = Number.NEGATIVE_INFINITY;
  #lastStartMs: EpochMs = Number.NEGATIVE_INFINITY;
  #startedReads = 0;
  /** Highest number of a read that ended well. */
  #endedRead = 0;
  /** Reads in a row that failed. */
  #failedReads = 0;
  #reading: Read | null = null;

  /** `hear` and `open` throw what is not the hub's word away. */
  constructor(options: { store: SnapshotStore; hear: (text: string) => ToldSnapshot; open: (sealed: string) => CatalogueView; log: (message: string) => void }) {
    this.#store = options.store;
    this.#hear = options.hear;
    this.#open = options.open;
    this.#log = options.log;
  }

  /** The view as it is, however old; null while there is none. */
  get held(): CatalogueView | null {
    return this.#view;
  }

  /** Whether the hub stood by the view so lately that nothing that decides where events are counted can have changed unheard. */
  isInTouch(nowMs: EpochMs): boolean {
    return nowMs - this.#toldAtMs <= WORD_LIFE_MS;
  }

  /** The view to answer from; null while this isolate has never seen one and the store has none. */
  view(scope: RequestScope): Soon<CatalogueView | null> {
    if (this.#view === null) return this.viewAfter(this.#ticketForRunning(scope), scope);
    const freshness = freshnessOf(scope.arrivedAtMs - this.#confirmedAtMs);
    if (freshness === 'fresh') return this.#view;
    if (freshness === 'stale' && !this.#isStoreAway(scope.arrivedAtMs)) return this.#viewAfter(this.#ticketForRunning(scope), STALE_WAIT_MS, scope);
    if (this.#mayStart(scope.arrivedAtMs)) scope.waitUntil(this.#start(scope.arrivedAtMs));
    return this.#view;
  }

  /** Whether the latest reads failed or hang: then nobody is kept waiting for the next one. */
  #isStoreAway(nowMs: EpochMs): boolean {
    return this.#failedReads > 0 || (this.#reading !== null && nowMs - this.#reading.startedAtMs > STALE_WAIT_MS);
  }

  /** Number of the last read that began before now. */
  ticket(): number {
    return this.#startedReads;
  }

  /** The view after a read that began later than `ticket` was given, or the one held when that does not come in time. */
  viewAfter(ticket: number, scope: RequestScope): Promise<CatalogueView | null> {
    return this.#viewAfter(ticket, MISSING_WAIT_MS, scope);
  }

  /** A ticket that a read already on its way satisfies. */
  #ticketForRunning(scope: RequestScope): number {
    return this.#isReading(scope.arrivedAtMs) ? this.#startedReads - 1 : this.#startedReads;
  }

  async #viewAfter(ticket: number, waitMs: number, scope: RequestScope): Promise<CatalogueView | null> {
    const givenUpAtMs = scope.clock.nowMs() + waitMs;
    let nowMs = scope.clock.nowMs();
    while (this.#endedRead <= ticket && nowMs < givenUpAtMs) {
      if (this.#mayStart(nowMs)) scope.waitUntil(this.#start(nowMs));
      const pauseMs = Math.max(1, Math.min(POLL_MS, givenUpAtMs - nowMs));
      await (this.#reading?.ended.wait(pauseMs, scope) ?? scope.sleep(pauseMs));
      nowMs = scope.clock.nowMs();
    }
    return this.#view;
  }

  #mayStart(nowMs: EpochMs): boolean {
    return !this.#isReading(nowMs) && nowMs - this.#lastStartMs >= READ_INTERVAL_MS;
  }

  #isReading(nowMs: EpochMs): boolean {
    return this.#reading !== null && nowMs - this.#reading.startedAtMs < READ_LIFE_MS;
  }

  async #start(nowMs: EpochMs): Promise<void> {
    // A predecessor that never ended failed as well.
    if (this.#reading !== null) this.#failedReads += 1;
    this.#lastStartMs = nowMs;
    const number = ++this.#startedReads;
    const read: Read = { startedAtMs: nowMs, ended: new Announcement() };
    this.#reading = read;
    await this.#read(number, nowMs);
    if (this.#reading === read) this.#reading = null;
    read.ended.announce(true);
  }

  async #read(number: number, startedAtMs: EpochMs): Promise<void> {
    try {
      const text = await this.#store.read();
      if (text !== null) this.#accept(this.#hear(text), startedAtMs);
      this.#endedRead = Math.max(this.#endedRead, number);
      this.#confirmedAtMs = Math.max(this.#confirmedAtMs, startedAtMs);
      this.#failedReads = 0;
    } catch (cause) {
      this.#failedReads += 1;
      // Ten reads a second fail while the store is away: the 1st, 2nd, 4th, 8th … is told.
      if (Number.isInteger(Math.log2(this.#failedReads))) {
        this.#log(`the catalogue could not be read, ${this.#failedReads} times in a row: ${cause instanceof Error ? cause.message : String(cause)}`);
      }
    }
  }

  #accept({ toldAtMs, sealed }: ToldSnapshot, readAtMs: EpochMs): void {
    if (sealed !== this.#sealed) {
      const offered = this.#open(sealed);
      if (this.#view !== null && !isNewer(offered, this.#view)) return;
      this.#view = offered;
      this.#sealed = sealed;
    }
    this.#toldAtMs = Math.max(this.#toldAtMs, Math.min(toldAtMs, readAtMs));
  }
}
