import type { Clock, EpochMs } from '../../core/time.ts';

/** How much a disk has, in bytes, for us. */
export type DiskSpace = { readonly freeBytes: number; readonly totalBytes: number };

export type SpaceGuardOptions = {
  readonly space: () => Promise<DiskSpace>;
  /** What is kept free where it is less than `RESERVE_SHARE` of the disk. */
  readonly reserveBytes: number;
  readonly clock: Clock;
  readonly sleep: (delayMs: number, signal: AbortSignal) => Promise<void>;
  /** The disk has run short: whatever writes by itself should rest. */
  readonly onShort: () => Promise<void>;
  /** There is room again; `sinceMs` is when it was last seen before it ran short. Nothing is let in before this has ended, well or not. */
  readonly onRoom: (sinceMs: EpochMs) => Promise<void>;
  readonly report: (line: string, details: object) => void;
};

export const DEFAULT_RESERVE_BYTES = 256 * 1_048_576;
/** Of a small disk no more than this is kept free. */
const RESERVE_SHARE = 0.05;
/** So much more than the reserve must be free before writing goes on: else it would stop at once. */
const RELIEF = 1.25;
const LOOK_EVERY_MS = 500;

/**
 * Watches a disk. While less than a reserve is free, the hub takes in and stores nothing: frames stay with their shards, ranges in the log, and
 * the last bytes are left to those who cannot wait. An engine that runs into the end of a disk in the middle of a merge may leave a part behind that nobody can read.
 */
export class SpaceGuard {
  readonly #options: SpaceGuardOptions;
  #isShort = false;
  #roomAtMs: EpochMs;

  constructor(options: SpaceGuardOptions) {
    this.#options = options;
    this.#roomAtMs = options.clock.nowMs();
  }

  /** Whether nothing should be written now. */
  get isShort(): boolean {
    return this.#isShort;
  }

  /** Looks until `signal` says otherwise; never throws. */
  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.look().catch((err: unknown) => this.#options.report('the disk cannot be looked at', { err }));
      await this.#options.sleep(LOOK_EVERY_MS, signal);
    }
  }

  /** Looks once. */
  async look(): Promise<void> {
    const { space, reserveBytes, clock, report } = this.#options;
    const { freeBytes, totalBytes } = await space();
    const leastBytes = Math.min(reserveBytes, totalBytes * RESERVE_SHARE);
    const isShort = freeBytes < (this.#isShort ? leastBytes * RELIEF : leastBytes);
    if (!isShort && !this.#isShort) this.#roomAtMs = clock.nowMs();
    if (isShort === this.#isShort) return;
    report(isShort ? 'the disk is nearly full: nothing is taken in until there is room' : 'there is room on the disk again', { freeBytes, leastBytes });
    if (isShort) this.#isShort = true;
    await this.#tell(isShort);
    this.#isShort = isShort;
  }

  async #tell(isShort: boolean): Promise<void> {
    const { onShort, onRoom, report } = this.#options;
    await (isShort ? onShort() : onRoom(this.#roomAtMs)).catch((err: unknown) => report('the store could not be seen to', { err }));
  }
}
