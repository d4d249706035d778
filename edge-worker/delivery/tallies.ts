import type { Rejection } from '../../core/disposition.ts';
import type { EdgeTally } from '../../core/event.ts';
import { secondOf, type EpochMs } from '../../core/time.ts';

/** Accepted events of one batch, by received second: they are committed in the same row as their events or not at all. */
export class AcceptedTally {
  readonly #bySecond = new Map<number, number>();
  #lastSecond = -1;
  #lastCount = 0;

  add(receivedAtMs: EpochMs): void {
    const second = secondOf(receivedAtMs);
    if (second !== this.#lastSecond) {
      this.#settle();
      this.#lastSecond = second;
    }
    this.#lastCount++;
  }

  rows(region: string): EdgeTally[] {
    this.#settle();
    return [...this.#bySecond].map(([receivedSecond, count]) => ({ region, receivedSecond, rejection: '', count }));
  }

  /** A run of events in one second touches the map once. */
  #settle(): void {
    if (this.#lastCount > 0) this.#bySecond.set(this.#lastSecond, (this.#bySecond.get(this.#lastSecond) ?? 0) + this.#lastCount);
    this.#lastCount = 0;
  }
}

/** A row per code and second: a live second has eight at most, imported history brings its own seconds. */
export const MAX_REJECTION_ROWS = 4_096;

/**
 * Events refused at this isolate's door and not yet told to any shard. Past `MAX_REJECTION_ROWS` distinct seconds, further
 * ones are booked on the second of the last row, so that the sum stays right.
 */
export class RejectionTally {
  readonly #region: string;
  #rows = new Map<string, EdgeTally>();
  #lastKey = '';

  constructor(region: string) {
    this.#region = region;
  }

  get isEmpty(): boolean {
    return this.#rows.size === 0;
  }

  add(rejection: Rejection, receivedAtMs: EpochMs, count = 1): void {
    this.#book({ region: this.#region, receivedSecond: secondOf(receivedAtMs), rejection, count });
  }

  /** Takes everything out; give it back with `restore` when it could not be delivered. */
  drain(): readonly EdgeTally[] {
    const rows = [...this.#rows.values()];
    this.#rows = new Map();
    return rows;
  }

  restore(rows: readonly EdgeTally[]): void {
    for (const row of rows) this.#book(row);
  }

  #book(row: EdgeTally): void {
    const key = `${row.receivedSecond} ${row.rejection}`;
    const isRoomFor = this.#rows.has(key) || this.#rows.size < MAX_REJECTION_ROWS;
    const bookedKey = isRoomFor ? key : this.#lastKey;
    const known = this.#rows.get(bookedKey);
    this.#rows.set(bookedKey, known === undefined ? row : { ...known, count: known.count + row.count });
    this.#lastKey = bookedKey;
  }
}
