import type { Rejection } from '../../core/disposition.ts';
import { SECOND_MS, type EpochMs } from '../../core/time.ts';
import type { RequestScope, ShardDoor } from '../ports.ts';
import { talliesOnly } from './open-batch.ts';
import type { RejectionTally } from './tallies.ts';

/** How long refusals wait for a batch of events to ride with. */
const WAIT_MS = SECOND_MS;
const CALL_TIMEOUT_MS = 10_000;
/** A round that has not ended by now died with its request. */
const ROUND_LIFE_MS = 15_000;

/** Sees to it that refusals reach the books within about a second, on a batch of their own if no other goes out. */
export class RejectionCourier {
  readonly #tally: RejectionTally;
  readonly #shards: ShardDoor;
  readonly #bookkeeper: (nowMs: EpochMs) => string | null;
  #roundBeganAtMs: EpochMs | null = null;

  /** `bookkeeper` names the shard that keeps this edge's books at an instant; null while the network is unknown. */
  constructor(options: { tally: RejectionTally; shards: ShardDoor; bookkeeper: (nowMs: EpochMs) => string | null }) {
    this.#tally = options.tally;
    this.#shards = options.shards;
    this.#bookkeeper = options.bookkeeper;
  }

  /** Books `count` refusals at `receivedAtMs`, and starts a round if none is on its way. */
  add(refused: { rejection: Rejection; receivedAtMs: EpochMs; count?: number }, scope: RequestScope): void {
    this.#tally.add(refused.rejection, refused.receivedAtMs, refused.count);
    const nowMs = scope.arrivedAtMs;
    if (this.#roundBeganAtMs !== null && nowMs - this.#roundBeganAtMs < ROUND_LIFE_MS) return;
    this.#roundBeganAtMs = nowMs;
    scope.waitUntil(this.#round(scope));
  }

  async #round(scope: RequestScope): Promise<void> {
    await scope.sleep(WAIT_MS);
    this.#roundBeganAtMs = null;
    const shard = this.#tally.isEmpty ? null : this.#bookkeeper(scope.clock.nowMs());
    if (shard === null) return;
    const rows = this.#tally.drain();
    const told = this.#shards.record(shard, talliesOnly(rows), '').then(
      () => true,
      () => false,
    );
    if ((await Promise.race([told, scope.sleep(CALL_TIMEOUT_MS)])) !== true) this.#tally.restore(rows);
  }
}
