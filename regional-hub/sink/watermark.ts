import { unreachable } from '../../core/errors.ts';

/** The last frame of a shard that is in the store. */
export type ShardWatermark = { readonly epoch: number; readonly seq: number; readonly digest: string };
/** By shard name; a shard that is not there may begin with any frame. */
export type Watermarks = ReadonlyMap<string, ShardWatermark>;

export type FrameName = ShardWatermark & { readonly shard: string };

/**
 * What the sink does with a frame. `next` is inserted. `repeat` was inserted before. The others halt their shard: nothing of it is inserted
 * until the frame comes that should have come, and the log keeps what was passed over.
 */
export type FrameVerdict = 'next' | 'repeat' | 'gap' | 'stale_epoch' | 'conflict';

/** Judges a frame against its shard's watermark. A new epoch may begin with any frame: its shard may have come from another hub. */
export function judgeFrame(watermark: ShardWatermark | undefined, frame: FrameName): FrameVerdict {
  if (watermark === undefined || frame.epoch > watermark.epoch) return 'next';
  if (frame.epoch < watermark.epoch) return 'stale_epoch';
  if (frame.seq === watermark.seq) return frame.digest === watermark.digest ? 'repeat' : 'conflict';
  if (frame.seq < watermark.seq) return 'repeat';
  return frame.seq === watermark.seq + 1 ? 'next' : 'gap';
}

/** Whether a verdict means that numbers are missing until somebody looks. */
export function halts(verdict: FrameVerdict): boolean {
  switch (verdict) {
    case 'next':
    case 'repeat':
      return false;
    case 'gap':
    case 'stale_epoch':
    case 'conflict':
      return true;
    default:
      return unreachable(verdict);
  }
}

/** Verdicts on a range's frames in log order, and the watermarks after it. The same frames on the same watermarks give the same answer. */
export function admitFrames(before: Watermarks, frames: readonly FrameName[]): { readonly verdicts: FrameVerdict[]; readonly after: Watermarks } {
  const after = new Map(before);
  const verdicts = frames.map((frame) => {
    const verdict = judgeFrame(after.get(frame.shard), frame);
    if (verdict === 'next') after.set(frame.shard, { epoch: frame.epoch, seq: frame.seq, digest: frame.digest });
    return verdict;
  });
  return { verdicts, after };
}
