import { assert, TrackingError } from '../../core/errors.ts';
import { backoffMs } from '../../core/flush/backoff.ts';
import type { SealedBlock } from '../../schemas/clickhouse/native/block.ts';
import { TOPICS, type PartitionLease, type RangeClaim, type StoredRecord } from '../log/delta-log.ts';
import { frameName, openRecord, sizeOf, type OpenedRecord } from './range-frames.ts';
import { lingerMs, planRange } from './range-plan.ts';
import { planRepeat } from './repeat-plan.ts';
import type { RefusedFrame, SinkDeps } from './sink-deps.ts';
import type { RangeId } from './sink-store.ts';
import { admitFrames, halts, type Watermarks } from './watermark.ts';

/** A quiet partition looks at the log again after this; the log wakes it earlier. */
const READ_WAIT_MS = 5_000;
/** A range that is stored so long after its claim is noted as overdue. */
const OVERDUE_AFTER_MS = 10_000;
/** Enough to know that there is something. */
const ONE_RECORD = { maxRecords: 1, maxBytes: 1, waitMs: READ_WAIT_MS };

/**
 * Carries one partition of the log into the store for as long as its lease lasts: first the range that an earlier life left unfinished, exactly
 * as it was claimed, then range after range: read, claim, insert, finish. Whatever fails is tried again, the same rows under the same tokens.
 * Resolves when the lease is lost.
 */
export class PartitionSink {
  readonly #deps: SinkDeps;
  readonly #lease: PartitionLease;
  #watermarks: Watermarks = new Map();
  #nextOffset: bigint;
  #lastClaimedAtMs = 0;
  /** The last range was as large as ranges get: more is waiting. */
  #behind = false;

  constructor(deps: SinkDeps, lease: PartitionLease) {
    this.#deps = deps;
    this.#lease = lease;
    this.#nextOffset = lease.unfinished?.minOffset ?? lease.nextOffset;
  }

  async run(): Promise<void> {
    const { lost, unfinished } = this.#lease;
    // Whoever had this partition before may have given an insert up.
    this.#deps.fence.unheard(this.#deps.clock.nowMs());
    await this.#retry(async () => {
      // Only a claim can be in the store and not finished. Without one, everything there counts: a log may have lost its place, and begins again at its oldest record.
      this.#watermarks = await this.#deps.store.watermarks(this.#lease, unfinished?.minOffset);
    });
    if (unfinished !== null) await this.#repeat(unfinished);
    while (!lost.aborted) {
      await this.#awaitRecords();
      if (!lost.aborted) await this.#carry();
    }
  }

  /** Resolves when a range is due: at once behind a backlog, else at the first record, and at most once an interval. */
  async #awaitRecords(): Promise<void> {
    const { clock, intervalMs, sleep } = this.#deps;
    const { lost } = this.#lease;
    if (this.#behind) return;
    while (!lost.aborted && (await this.#read(this.#nextOffset, ONE_RECORD)).length === 0);
    const waitMs = lingerMs({ lastClaimedAtMs: this.#lastClaimedAtMs, nowMs: clock.nowMs(), intervalMs });
    if (waitMs > 0) await sleep(waitMs, lost);
  }

  async #carry(): Promise<void> {
    const { gate, fence, clock, sleep } = this.#deps;
    const waitMs = fence.waitMs(clock.nowMs());
    if (waitMs > 0) return sleep(waitMs, this.#lease.lost);
    const attempt = await this.#retry(() => gate.run(() => this.#firstAttempt()));
    if (attempt === null) return;
    const { claim, stored } = attempt;
    if (!stored) await this.#retry(() => gate.run(async () => this.#store(claim, await this.#readClaimed(claim), NOTHING)));
    await this.#finish(claim);
  }

  /** Claims what the log has for one range and tries to store it; what fails after the claim is tried again from the log. */
  async #firstAttempt(): Promise<{ readonly claim: RangeClaim; readonly stored: boolean } | null> {
    const { maxFrames: maxRecords, maxBytes } = this.#deps.limits;
    const records = await this.#read(this.#nextOffset, { maxRecords, maxBytes, waitMs: 0 });
    if (records.length === 0) {
      this.#behind = false;
      return null;
    }
    const opened = records.map((record) => openRecord(this.#lease.topic, record));
    const plan = planRange(opened.map(sizeOf), this.#deps.limits);
    this.#behind = plan.full;
    const frames = opened.slice(0, plan.records);
    const claim = this.#claimOf(frames);
    await this.#retry(() => this.#lease.claim(claim));
    this.#lastClaimedAtMs = claim.claimedAtMs;
    const stored = await this.#store(claim, frames, NOTHING).then(
      () => true,
      (error: unknown) => this.#reportFailure(error, 1, 0),
    );
    return { claim, stored };
  }

  async #repeat(claim: RangeClaim): Promise<void> {
    const { store, gate, safeBlocks } = this.#deps;
    const range = this.#rangeId(claim);
    await this.#retry(() =>
      gate.run(async () => {
        const presence = await store.presence(range);
        const plan = planRepeat(presence, safeBlocks);
        if (plan.kind === 'halt') throw haltedError(range, presence.blocksSince);
        const frames = await this.#readClaimed(claim);
        if (plan.kind === 'insert') await this.#store(claim, frames, plan.skip);
        else this.#watermarks = admitFrames(this.#watermarks, frames.map(frameName)).after;
      }),
    );
    await this.#finish(claim);
  }

  /** Everything in a claim, however many reads it takes. */
  async #readClaimed(claim: RangeClaim): Promise<OpenedRecord[]> {
    const opened: OpenedRecord[] = [];
    let fromOffset = claim.minOffset;
    while (fromOffset <= claim.maxOffset) {
      const { maxFrames: maxRecords, maxBytes } = this.#deps.limits;
      const records = await this.#read(fromOffset, { maxRecords, maxBytes, waitMs: READ_WAIT_MS });
      if (this.#lease.lost.aborted) throw new TrackingError('lease_lost', 'lost while a claim was read');
      const claimed = records.filter((record) => record.offset <= claim.maxOffset);
      for (const record of claimed) opened.push(openRecord(this.#lease.topic, record));
      const last = records.at(-1);
      if (last === undefined) throw new TrackingError('unavailable', `the log does not give records from ${fromOffset} on`);
      fromOffset = last.offset + 1n;
    }
    assert(opened.at(-1)?.offset === claim.maxOffset, 'a claim ends with a record of the log');
    return opened;
  }

  /** Inserts a claimed range; moves the watermarks only when all of it is there. */
  async #store(claim: RangeClaim, frames: readonly OpenedRecord[], skip: ReadonlySet<string>): Promise<void> {
    const { verdicts, after } = admitFrames(this.#watermarks, frames.map(frameName));
    const admitted = frames.filter((_, i) => verdicts[i] === 'next');
    const range = this.#rangeId(claim);
    const encoded = await this.#deps.encoder.encode(this.#deps.log, range, admitted);
    for (const block of encoded.blocks) if (!skip.has(block.table)) await this.#insert(range, block);
    this.#deps.fence.stored(monthsIn(encoded.seconds));
    this.#watermarks = after;
    frames.forEach((frame, i) => this.#report({ ...range, ...frameName(frame), offset: frame.offset, verdict: verdicts[i]! }));
    if (admitted.length > 0) this.#reportStored(range, admitted, encoded.rows);
  }

  async #insert(range: RangeId, block: SealedBlock): Promise<void> {
    const { store, fence, clock } = this.#deps;
    try {
      await store.insert(range, block);
    } catch (error) {
      if (error instanceof TrackingError && error.code === 'unavailable') fence.unheard(clock.nowMs());
      throw error;
    }
  }

  async #finish(claim: RangeClaim): Promise<void> {
    await this.#retry(() => this.#noteOverdue(claim));
    await this.#retry(() => this.#lease.finish(claim));
    this.#nextOffset = claim.maxOffset + 1n;
  }

  /** Whoever follows changes by the times of claims would miss what lands long after its own. Told before the claim is finished, so that a later life tells it again. */
  async #noteOverdue(claim: RangeClaim): Promise<void> {
    const { store, clock } = this.#deps;
    const landedAtMs = clock.nowMs();
    const isOverdue = landedAtMs - claim.claimedAtMs > OVERDUE_AFTER_MS;
    if (isOverdue && this.#lease.topic === TOPICS.deltas) await store.noteOverdue(this.#rangeId(claim), landedAtMs);
  }

  #read(fromOffset: bigint, window: { maxRecords: number; maxBytes: number; waitMs: number }): Promise<readonly StoredRecord[]> {
    return this.#lease.read({ fromOffset, ...window });
  }

  #reportFailure(error: unknown, attempts: number, retryInMs: number): false {
    const { topic, partition } = this.#lease;
    this.#deps.events.rangeFailed({ topic, partition, error, attempts, retryInMs });
    return false;
  }

  #report(frame: RefusedFrame): void {
    if (halts(frame.verdict)) this.#deps.events.shardHalted(frame);
    else if (frame.verdict === 'repeat') this.#deps.events.frameRepeated(frame);
  }

  #reportStored(range: RangeId, frames: readonly OpenedRecord[], rows: number): void {
    this.#deps.events.rangeStored({
      topic: range.topic,
      partition: range.partition,
      frames: frames.length,
      rows,
      bytes: frames.reduce((sum, frame) => sum + frame.bytes, 0),
      elapsedMs: this.#deps.clock.nowMs() - range.claimedAtMs,
      oldestFrameMs: Math.min(...frames.map((frame) => frame.record.header.createdAtMs)),
    });
  }

  #claimOf(frames: readonly OpenedRecord[]): RangeClaim {
    const first = frames[0];
    const last = frames.at(-1);
    assert(first !== undefined && last !== undefined, 'a range has frames');
    return { minOffset: first.offset, maxOffset: last.offset, claimedAtMs: this.#deps.clock.nowMs() };
  }

  #rangeId(claim: RangeClaim): RangeId {
    return { topic: this.#lease.topic, partition: this.#lease.partition, ...claim };
  }

  /** Tries until it succeeds or the lease is lost; a lost lease ends the partition's sink by `lease_lost`. */
  async #retry<T>(work: () => Promise<T>): Promise<T> {
    const { lost } = this.#lease;
    for (let attempts = 1; ; attempts += 1) {
      try {
        return await work();
      } catch (error) {
        if (lost.aborted || isLeaseLost(error)) throw error;
        const retryInMs = Math.min(RETRY_MAX_MS, backoffMs(attempts, this.#deps.random()));
        this.#reportFailure(error, attempts, retryInMs);
        await this.#deps.sleep(retryInMs, lost);
        if (lost.aborted) throw new TrackingError('lease_lost', 'the lease ended while a range was tried again', { cause: error });
      }
    }
  }
}

/** At most so many months does a range touch, each of which is a block in a rollup. */
function monthsIn(seconds: { readonly min: number; readonly max: number } | null): number {
  return seconds === null ? 1 : 2 + Math.floor((seconds.max - seconds.min) / SHORTEST_MONTH_S);
}

const SHORTEST_MONTH_S = 28 * 86_400;
/** An engine that comes back is noticed within this. */
const RETRY_MAX_MS = 5_000;
const NOTHING: ReadonlySet<string> = new Set();

/** Whether the partition has another owner now: no failure, the other one goes on. */
export function isLeaseLost(error: unknown): boolean {
  return error instanceof TrackingError && error.code === 'lease_lost';
}

function haltedError(range: RangeId, blocksSince: number): TrackingError {
  return new TrackingError(
    'storage_failed',
    `${range.topic}/${range.partition} ${range.minOffset}-${range.maxOffset} landed in part and ${blocksSince} blocks followed: ` +
      'compare deltas with the rollups of its windows, then finish the range by hand',
  );
}
