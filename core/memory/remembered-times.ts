import type { Key64 } from '../event.ts';
import type { EpochMs } from '../time.ts';
import { BucketTable } from './bucket-table.ts';
import type { ColdTable, ColdTier } from './cold-tier.ts';
import { EntryJournal, forEachEntry, pageHas } from './entry-pages.ts';

/**
 * A multimap from keys to times that answers exactly, whatever part of it is in RAM.
 *
 *     time ──────────────── floor ────────────────►
 *     new ones: #below      │  all of them: #resident
 *     older ones: cold tier │
 *
 * The floor rises only when everything is in the cold tier, that is at a checkpoint.
 */
export class RememberedTimes {
  readonly #table: number;
  readonly #cold: ColdTier;
  readonly #resident = new BucketTable();
  readonly #journal = new EntryJournal();
  #below = new BucketTable();
  #floorMs: EpochMs = Number.NEGATIVE_INFINITY;
  /** No time in `#resident` is lower. */
  #oldestMs: EpochMs = Number.POSITIVE_INFINITY;

  constructor(table: number, cold: ColdTier) {
    this.#table = table;
    this.#cold = cold;
  }

  /** Entries in RAM. */
  get residentCount(): number {
    return this.#resident.size + this.#below.size;
  }

  /** Entries that no generation holds yet. */
  get newCount(): number {
    return this.#journal.count;
  }

  get byteLength(): number {
    return this.#resident.byteLength + this.#below.byteLength;
  }

  /** As `BucketTable.expect`. */
  expect(key: Key64): void {
    this.#resident.expect(key);
  }

  /** As `BucketTable.readExpected`. */
  readExpected(): void {
    this.#resident.readExpected();
  }

  /** Whether the key has a time in [fromMs, toMs]. */
  anyIn(key: Key64, fromMs: EpochMs, toMs: EpochMs): boolean {
    if (this.#resident.anyIn(key, fromMs, toMs)) return true;
    return fromMs < this.#floorMs && this.#anyBelow(key, fromMs, toMs);
  }

  add(key: Key64, timeMs: EpochMs): void {
    const isNew = timeMs < this.#floorMs ? this.#below.add(key, timeMs) : this.#addResident(key, timeMs);
    if (isNew) this.#journal.push(key, timeMs);
  }

  /** The new entries, as shares of as many generations as they need. */
  toColdTables(): ColdTable[] {
    return this.#journal.toColdTables();
  }

  /**
   * To be called when generations hold all that was new: nothing below `floorMs` needs RAM any more. Where there is no such thing
   * the floor stays: below it answers cost more.
   */
  settle(floorMs: EpochMs): void {
    this.#journal.clear();
    if (this.#below.size > 0) this.#below = new BucketTable();
    if (floorMs > this.#oldestMs) this.startAt(floorMs);
  }

  /** Leaves to the cold tier all that lies below. */
  startAt(floorMs: EpochMs): void {
    if (floorMs <= this.#floorMs) return;
    this.#floorMs = floorMs;
    this.#oldestMs = Math.max(this.#oldestMs, floorMs);
    this.#resident.forgetBefore(floorMs);
  }

  /** A floor that leaves about `wanted` of the entries in RAM, the youngest. */
  floorThatKeeps(wanted: number): EpochMs {
    if (this.#resident.size <= wanted) return this.#floorMs;
    const times = this.#resident.sampleTimes(FLOOR_SAMPLE);
    const cut = Math.min(times.length - 1, Math.floor(times.length * (1 - wanted / this.#resident.size)));
    return times[cut]! + 1;
  }

  /** Takes entries of a generation back into RAM. */
  restore(page: Uint8Array): void {
    forEachEntry(page, (key, timeMs) => {
      if (timeMs >= this.#floorMs) this.#addResident(key, timeMs);
    });
  }

  #addResident(key: Key64, timeMs: EpochMs): boolean {
    if (timeMs < this.#oldestMs) this.#oldestMs = timeMs;
    return this.#resident.add(key, timeMs);
  }

  #anyBelow(key: Key64, fromMs: EpochMs, toMs: EpochMs): boolean {
    if (this.#below.anyIn(key, fromMs, toMs)) return true;
    const upToMs = Math.min(toMs, this.#floorMs);
    for (const page of this.#cold.pagesWith(this.#table, key, fromMs, upToMs)) if (pageHas(page, key, fromMs, upToMs)) return true;
    return false;
  }
}

/** Times drawn to find a quantile; a per cent off is good enough for a floor. */
const FLOOR_SAMPLE = 4_096;
