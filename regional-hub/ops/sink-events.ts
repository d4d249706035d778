import type { SinkEvents } from '../sink/sink-deps.ts';
import type { PipelineState } from './pipeline-state.ts';

/** Where lines go; pino's shape. */
export type LineLogger = { error(fields: object, line: string): void; warn(fields: object, line: string): void };

/** Spreads the sink's news over counters, the pipeline's state and the log. */
export function sinkEvents(counters: SinkEvents, pipeline: PipelineState, logger: LineLogger): SinkEvents {
  return {
    rangeStored(report) {
      counters.rangeStored(report);
      pipeline.stored();
    },
    frameRepeated: (frame) => counters.frameRepeated(frame),
    shardHalted(frame) {
      counters.shardHalted(frame);
      pipeline.halted(frame);
      const { shard, epoch, seq, verdict, topic, partition, offset } = frame;
      logger.error({ shard, epoch, seq, verdict, topic, partition, offset: String(offset) }, 'a shard is halted: its numbers are incomplete until somebody looks');
    },
    rangeFailed(failure) {
      counters.rangeFailed(failure);
      const { topic, partition, error, attempts, retryInMs } = failure;
      logger.warn({ err: error, topic, partition, attempts, retryInMs }, 'a range is not stored yet');
    },
  };
}
