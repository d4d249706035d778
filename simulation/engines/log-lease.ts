import { TrackingError, assert } from '../../core/errors.ts';
import type { PartitionId, PartitionLease, RangeClaim, StoredRecord } from '../../regional-hub/log/delta-log.ts';
import type { Faults } from '../faults.ts';
import type { Life } from '../kernel/life.ts';
import type { Random } from '../kernel/random.ts';
import type { Scheduler } from '../kernel/scheduler.ts';
import type { Probe } from '../probes.ts';

/** A partition as the log keeps it. `generation` rises with each owner. */
export type LogPartition = PartitionId & {
  readonly records: StoredRecord[];
  nextOffset: bigint;
  finishedOffset: bigint;
  unfinished: RangeClaim | null;
  generation: number;
  readonly readers: Set<() => void>;
};

type LeaseOptions = { readonly scheduler: Scheduler; readonly random: Random; readonly faults: Faults; readonly bugs: { readonly unfenced?: boolean }; readonly sometimes: (probe: Probe) => void; readonly life: Life };

/** One owner's hold on a partition. It may be over long before the owner hears: then claims and finishes are refused. */
export class LogLease implements PartitionLease {
  readonly topic;
  readonly partition: number;
  readonly generation: number;
  readonly unfinished: RangeClaim | null;
  readonly #source: LogPartition;
  readonly #options: LeaseOptions;
  readonly #lost = new AbortController();
  readonly #waiting = new Set<() => void>();
  #nextOffset: bigint;

  constructor(source: LogPartition, options: LeaseOptions) {
    this.topic = source.topic;
    this.partition = source.partition;
    this.generation = source.generation;
    this.unfinished = source.unfinished;
    this.#nextOffset = source.finishedOffset;
    this.#source = source;
    this.#options = options;
    if (source.unfinished !== null) options.sometimes('a claim was repeated by another owner');
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  get nextOffset(): bigint {
    return this.#nextOffset;
  }

  /** The owner hears that the lease is over. */
  revoke(): void {
    this.#lost.abort();
    for (const wake of this.#waiting) wake();
  }

  async read({ fromOffset, maxRecords, maxBytes, waitMs }: Parameters<PartitionLease['read']>[0]): Promise<readonly StoredRecord[]> {
    const { scheduler, random, life } = this.#options;
    if (this.#source.nextOffset <= fromOffset && waitMs > 0) await this.#wake(waitMs);
    if (this.#source.nextOffset <= fromOffset) return [];
    await life.sleep(random.delayMs(2), 'read');
    if (this.#lost.signal.aborted) return [];
    scheduler.note(`${life.name} reads ${this.topic}/${this.partition} from ${fromOffset}`);
    const found: StoredRecord[] = [];
    let bytes = 0;
    for (const record of this.#source.records) {
      if (record.offset < fromOffset) continue;
      bytes += record.value.length;
      if (found.length >= maxRecords || (found.length > 0 && bytes > maxBytes)) break;
      found.push(record);
    }
    return found;
  }

  claim(range: RangeClaim): Promise<void> {
    return this.#write('claim', () => {
      const { unfinished } = this.#source;
      assert(unfinished === null || sameRange(unfinished, range), 'an unfinished claim is repeated before another is made');
      assert(range.minOffset >= this.#source.finishedOffset, 'a claim lies ahead of what is finished');
      this.#source.unfinished = range;
    });
  }

  finish(range: RangeClaim): Promise<void> {
    return this.#write('finish', () => {
      if (this.#source.finishedOffset > range.maxOffset) return;
      assert(this.#source.unfinished !== null && sameRange(this.#source.unfinished, range), 'only the claimed range is finished');
      this.#source.unfinished = null;
      this.#source.finishedOffset = range.maxOffset + 1n;
      this.#nextOffset = range.maxOffset + 1n;
    });
  }

  /** Resolves when records come, the lease is lost or time is up. */
  #wake(waitMs: number): Promise<void> {
    const { scheduler, life } = this.#options;
    return new Promise((resolve) => {
      const { readers } = this.#source;
      const wake = (): void => {
        if (!readers.delete(wake)) return;
        this.#waiting.delete(wake);
        if (life.isAlive) resolve();
      };
      readers.add(wake);
      this.#waiting.add(wake);
      scheduler.after(waitMs, `${life.name} read waited`, wake);
    });
  }

  /** Fenced and durable; sometimes nobody can tell whether it was. */
  #write(what: string, apply: () => void): Promise<void> {
    const { scheduler, random, faults, bugs, sometimes, life } = this.#options;
    const fault = random.chance(faults.rate('claimFault')) ? random.pick(['before', 'after'] as const) : 'none';
    return life.hear(
      new Promise((resolve, reject) => {
        scheduler.after(random.delayMs(6), `${life.name} ${what} ${this.topic}/${this.partition} ${fault}`, () => {
          const isStale = this.generation !== this.#source.generation && bugs.unfenced !== true;
          if (isStale) sometimes('a stale owner was fenced off');
          if (isStale) return reject(new TrackingError('lease_lost', 'another owner has the partition'));
          const unknown = (): void => reject(new TrackingError('unavailable', `injected: ${what} ${fault}`));
          if (fault === 'before') return unknown();
          try {
            apply();
          } catch (cause) {
            return reject(cause as Error);
          }
          if (fault === 'after') unknown();
          else resolve();
        });
      }),
    );
  }
}

function sameRange(a: RangeClaim, b: RangeClaim): boolean {
  return a.minOffset === b.minOffset && a.maxOffset === b.maxOffset && a.claimedAtMs === b.claimedAtMs;
}
