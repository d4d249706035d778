import type { RequestScope, SpillDoor } from '../ports.ts';
import type { Delivery } from './shipment.ts';

/** Attempts at the spill object and the waits between them: together below 12 s, so that a call's timeout and these fit into 30 s. */
const WAITS_MS = [0, 250, 1_000, 3_000] as const;
const HOLD_TIMEOUT_MS = 2_000;
/** Batches that wait in memory for another attempt; beyond, the newest is given up at once and counted. */
const MAX_WAITING_BATCHES = 64;

/** What the last way out has seen since the isolate began. */
export type SpillCounts = { spilled: number; lost: number };

/** Brings batches to a spill object, trying again for some seconds. What it gives up is counted and logged, never silent. */
export class SpillWay {
  readonly counts: SpillCounts = { spilled: 0, lost: 0 };
  readonly #door: SpillDoor;
  readonly #log: (message: string) => void;
  #waiting = 0;

  constructor(door: SpillDoor, log: (message: string) => void) {
    this.#door = door;
    this.#log = log;
  }

  /** `spilled` once it is durable, `failed` when no attempt was confirmed. */
  async hold(shard: string, batch: Uint8Array, batchId: string, scope: RequestScope): Promise<Delivery> {
    for (const waitMs of WAITS_MS) {
      if (waitMs > 0 && !(await this.#waitInMemory(waitMs, scope))) break;
      if (await this.#attempt(shard, batch, batchId, scope)) {
        this.counts.spilled++;
        return { kind: 'spilled' };
      }
    }
    this.counts.lost++;
    this.#log(`a promised batch of ${batch.length} bytes for ${shard} could not be confirmed by shard or spill`);
    return { kind: 'failed' };
  }

  /** False when too many wait already. */
  async #waitInMemory(waitMs: number, scope: RequestScope): Promise<boolean> {
    if (this.#waiting >= MAX_WAITING_BATCHES) return false;
    this.#waiting++;
    try {
      await scope.sleep(waitMs);
      return true;
    } finally {
      this.#waiting--;
    }
  }

  async #attempt(shard: string, batch: Uint8Array, batchId: string, scope: RequestScope): Promise<boolean> {
    const held = this.#door.hold(shard, batch, batchId).then(
      () => true,
      () => false,
    );
    return (await Promise.race([held, scope.sleep(HOLD_TIMEOUT_MS)])) === true;
  }
}
