import type { EpochMs } from '../../core/time.ts';
import type { RequestScope, SpillDoor } from '../ports.ts';
import type { Delivery } from './delivery.ts';

const HOLD_TIMEOUT_MS = 2_000;
/** Promised batches that wait in memory for shard and spill to come back: some 40 000 lone clicks. Beyond it the newest is given up and counted. */
export const MAX_PARKED_BYTES = 16 * 1024 * 1024;
/** Waits between attempts while nothing is taken. */
const FIRST_WAIT_MS = 250;
const MAX_WAIT_MS = 1_000;
/** Handed over at a time. */
const MAX_AT_ONCE = 16;
/** A request brings parked batches to the spill object for so long after it came; `waitUntil` has 30 s. Then the next request goes on. */
const CARRIER_LIFE_MS = 26_000;
/** A carrier that has not ended by now has died. */
const CARRIER_DEAD_MS = 40_000;

/** What the last way out has seen since the isolate began, and how many batches wait in memory now. */
export type SpillCounts = { spilled: number; lost: number; parked: number };

type Parked = { readonly shard: string; readonly batch: Uint8Array; readonly batchId: string };

/**
 * Brings promised batches to a spill object. One that is not taken stays in memory, and the requests that come carry it on until it is: a full
 * disk or an object that restarts costs nothing but time. What is given up, for want of memory, is counted and logged, never silent.
 */
export class SpillWay {
  readonly #door: SpillDoor;
  readonly #log: (message: string) => void;
  /** In the order in which they are tried. */
  readonly #parked = new Set<Parked>();
  #parkedBytes = 0;
  readonly #seen = { spilled: 0, lost: 0 };
  #carrierSinceMs: EpochMs | null = null;

  constructor(door: SpillDoor, log: (message: string) => void) {
    this.#door = door;
    this.#log = log;
  }

  get counts(): SpillCounts {
    return { ...this.#seen, parked: this.#parked.size };
  }

  /** `spilled` once it is durable; `failed` when it is not yet: it goes on by itself from here. */
  async hold(shard: string, batch: Uint8Array, batchId: string, scope: RequestScope): Promise<Delivery> {
    const waiting = { shard, batch, batchId };
    if (await this.#attempt(waiting, scope)) return { kind: 'spilled' };
    this.#park(waiting);
    this.carryOn(scope);
    return { kind: 'failed' };
  }

  /** To be called by every request: if batches wait and nobody carries them, this request does, beside its own work. */
  carryOn(scope: RequestScope): void {
    if (this.#parked.size === 0) return;
    const nowMs = scope.clock.nowMs();
    if (this.#carrierSinceMs !== null && nowMs - this.#carrierSinceMs < CARRIER_DEAD_MS) return;
    this.#carrierSinceMs = nowMs;
    scope.waitUntil(this.#carry(scope, nowMs));
  }

  async #carry(scope: RequestScope, sinceMs: EpochMs): Promise<void> {
    let waitMs = FIRST_WAIT_MS;
    while (this.#parked.size > 0 && scope.clock.nowMs() - scope.arrivedAtMs < CARRIER_LIFE_MS) {
      const taken = await this.#handOver(scope);
      waitMs = taken > 0 ? FIRST_WAIT_MS : Math.min(MAX_WAIT_MS, 2 * waitMs);
      if (taken === 0) await scope.sleep(waitMs);
    }
    if (this.#carrierSinceMs === sinceMs) this.#carrierSinceMs = null;
  }

  /** Tries the first in line; those that are not taken go to the end of it, so that one object which is away holds up nobody else's. Gives how many were taken. */
  async #handOver(scope: RequestScope): Promise<number> {
    const first = [...this.#parked].slice(0, MAX_AT_ONCE);
    const taken = await Promise.all(first.map((waiting) => this.#attempt(waiting, scope)));
    for (const [i, waiting] of first.entries()) {
      if (!this.#parked.delete(waiting)) continue;
      if (taken[i]) this.#parkedBytes -= waiting.batch.length;
      else this.#parked.add(waiting);
    }
    return taken.filter((isTaken) => isTaken).length;
  }

  #park(waiting: Parked): void {
    const { shard, batch } = waiting;
    if (this.#parkedBytes + batch.length > MAX_PARKED_BYTES) {
      this.#seen.lost++;
      this.#log(`a promised batch of ${batch.length} bytes for ${shard} was given up: neither shard nor spill takes any, and memory is full of them`);
      return;
    }
    this.#parked.add(waiting);
    this.#parkedBytes += batch.length;
  }

  async #attempt({ shard, batch, batchId }: Parked, scope: RequestScope): Promise<boolean> {
    const held = this.#door.hold(shard, batch, batchId).then(
      () => true,
      () => false,
    );
    const isHeld = (await Promise.race([held, scope.sleep(HOLD_TIMEOUT_MS)])) === true;
    if (isHeld) this.#seen.spilled++;
    return isHeld;
  }
}
