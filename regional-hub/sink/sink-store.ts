import type { EpochMs } from '../../core/time.ts';
import type { SealedBlock } from '../../schemas/clickhouse/native/block.ts';
import type { PartitionId, RangeClaim } from '../log/delta-log.ts';
import type { RangePresence } from './repeat-plan.ts';
import type { Watermarks } from './watermark.ts';

/** A range as the store names it: the token of each of its inserts is made of this. */
export type RangeId = PartitionId & RangeClaim;

/** The store as the sink needs it. */
export type SinkStore = {
  /** The last frame of each shard among the partition's records, or among those below an offset. */
  watermarks(partition: PartitionId, belowOffset?: bigint): Promise<Watermarks>;
  presence(range: RangeId): Promise<RangePresence>;
  /**
   * One block, there whole when it resolves. The same block of the same range may be inserted again and is then dropped. Rejects with `unavailable` when it
   * was given up and may land yet; with anything else the engine is done with it.
   */
  insert(range: RangeId, block: SealedBlock): Promise<void>;
  /** Notes that a range of deltas was found stored at `landedAtMs`, long after its claim. There when it resolves; notes may repeat. */
  noteOverdue(range: RangeId, landedAtMs: EpochMs): Promise<void>;
};
