import { assert } from '../errors.ts';
import type { EpochMs } from '../time.ts';
import { anyTimeIn, firstAtOrAfter, insertTime } from './sorted-times.ts';

/** The few keys of a segment that have many times, or times that no slot can express: a sorted array each. Halves are signed 32 bits. */
export class CrowdedKeys {
  readonly #timesByName = new Map<string, EpochMs[]>();

  #size = 0;

  /** How many (key, time) pairs it holds. */
  get size(): number {
    return this.#size;
  }

  get keyCount(): number {
    return this.#timesByName.size;
  }

  /** Takes a key in; its times need no order. */
  open(lo: number, hi: number, times: EpochMs[]): void {
    this.#timesByName.set(nameOf(lo, hi), times.sort((a, b) => a - b));
    this.#size += times.length;
  }

  anyIn(lo: number, hi: number, fromMs: EpochMs, toMs: EpochMs): boolean {
    return anyTimeIn(this.#timesOf(lo, hi), fromMs, toMs);
  }

  /** False when the time is there already. */
  add(lo: number, hi: number, timeMs: EpochMs): boolean {
    const added = insertTime(this.#timesOf(lo, hi), timeMs);
    if (added) this.#size++;
    return added;
  }

  /** Drops times below the floor, and keys that have no other. */
  prune(floorMs: EpochMs): void {
    for (const [name, times] of this.#timesByName) {
      const kept = firstAtOrAfter(times, floorMs);
      this.#size -= kept;
      if (kept === times.length) this.#timesByName.delete(name);
      else if (kept > 0) times.splice(0, kept);
    }
  }

  forEach(visit: (lo: number, hi: number, times: readonly EpochMs[]) => void): void {
    for (const [name, times] of this.#timesByName) {
      const colon = name.indexOf(':');
      visit(Number(name.slice(0, colon)), Number(name.slice(colon + 1)), times);
    }
  }

  #timesOf(lo: number, hi: number): EpochMs[] {
    const times = this.#timesByName.get(nameOf(lo, hi));
    assert(times !== undefined, 'a slot that points to the crowd has times there');
    return times;
  }
}

function nameOf(lo: number, hi: number): string {
  return `${lo}:${hi}`;
}
