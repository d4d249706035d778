import { DEDUP_WINDOW_BLOCKS } from '../../schemas/clickhouse/ddl.ts';
import type { DeltaLog, PartitionLease } from '../log/delta-log.ts';
import { LandingFence, type FenceLimits } from './landing-fence.ts';
import { isLeaseLost, PartitionSink } from './partition-sink.ts';
import { encodeRange } from './range-blocks.ts';
import { DEFAULT_RANGE_LIMITS } from './range-plan.ts';
import { Gate, type SinkDeps } from './sink-deps.ts';

/** What a caller must decide; the rest has defaults. */
export type SinkOptions = Omit<SinkDeps, 'limits' | 'intervalMs' | 'safeBlocks' | 'gate' | 'fence' | 'log' | 'encoder'> &
  Partial<Pick<SinkDeps, 'limits' | 'intervalMs' | 'safeBlocks' | 'log' | 'encoder'>> & {
    readonly fenceLimits?: FenceLimits;
    /** Ranges encoded and inserted at a time. */
    readonly parallelRanges?: number;
  };

/** Rows are visible within this of their frame's arrival, plus the insert itself. */
export const DEFAULT_INTERVAL_MS = 500;
/** What is under way while a claim is judged is not counted yet: it has as many again to come. */
export const DEFAULT_SAFE_BLOCKS = DEDUP_WINDOW_BLOCKS / 2;
/**
 * An insert reaches its engine within the minute after which its sender gives it up, and is stopped after a minute there (`max_execution_time`); two minutes more for
 * a clock that is set forth meanwhile. Four hubs with this bound fill half of what a table remembers.
 */
export const DEFAULT_FENCE_LIMITS: FenceLimits = { landsWithinMs: 240_000, blocksMax: 2_500 };
const DEFAULT_PARALLEL_RANGES = 2;

/**
 * Starts carrying the log into the store, partition by partition; resolves when consumption has begun. It ends with the log: `log.close()` takes
 * the leases away and waits for ranges under way.
 */
export async function startSink(log: DeltaLog, options: SinkOptions): Promise<void> {
  const deps: SinkDeps = {
    ...options,
    limits: options.limits ?? DEFAULT_RANGE_LIMITS,
    intervalMs: options.intervalMs ?? DEFAULT_INTERVAL_MS,
    safeBlocks: options.safeBlocks ?? DEFAULT_SAFE_BLOCKS,
    log: options.log ?? 'main',
    fence: new LandingFence(options.fenceLimits ?? DEFAULT_FENCE_LIMITS),
    encoder: options.encoder ?? { encode: encodeRange },
    gate: new Gate(options.parallelRanges ?? DEFAULT_PARALLEL_RANGES),
  };
  await log.consume((lease) => runLease(deps, lease));
}

async function runLease(deps: SinkDeps, lease: PartitionLease): Promise<void> {
  try {
    await new PartitionSink(deps, lease).run();
  } catch (error) {
    if (!isLeaseLost(error) && !lease.lost.aborted) throw error;
  }
}

