import type { FrameDigest } from '../../schemas/wire/log-record.ts';

/** How far one shard has come at this hub. */
export type ShardPosition = { readonly epoch: number; readonly lastSeq: number };

/** What names a frame for ever, and what it was. */
export type FrameEntry = { readonly shard: string; readonly epoch: number; readonly seq: number; readonly digest: FrameDigest };

/** How many digests of a shard are remembered; an older repeat is appended again and dropped by the sink. */
export const REMEMBERED_DIGESTS = 1_000;

/** Which frames this hub has put into the log. Losing its last entries only means that some frames are appended twice. */
export type FrameIndex = {
  /** Null for a shard that this hub has never heard of. */
  positionOf(shard: string): ShardPosition | null;
  /** Of a frame in the shard's present epoch; null when it is not remembered. */
  digestOf(shard: string, seq: number): FrameDigest | null;
  /**
   * The first frame of its epoch here is about to be appended; durable before it resolves. An append that nobody confirms may land later: from now on an
   * earlier epoch is stale, whatever becomes of this one. Forgets the digests of the epoch before.
   */
  begin(entry: FrameEntry): Promise<void>;
  /** The frame is in the log; durable before it resolves. */
  advance(entry: FrameEntry): Promise<void>;
};

/** What becomes of a frame that was read and is authentic. */
export type FramePlace =
  | { readonly kind: 'append' }
  /** It is in the log; acknowledge `ackedSeq` again. */
  | { readonly kind: 'repeat'; readonly ackedSeq: number }
  /** The same name with other bytes: somebody must look. */
  | { readonly kind: 'conflict' }
  | { readonly kind: 'stale'; readonly epoch: number }
  | { readonly kind: 'gap'; readonly expectedSeq: number };

/**
 * Where a frame belongs. An unknown shard or a new epoch may begin anywhere: it may have flushed to another hub before.
 * `gaps` says whether it may also have done so in between: only where hubs share one log, whose sink then sees the whole sequence.
 */
export function placeFrame(
  frame: FrameEntry,
  known: { readonly position: ShardPosition | null; readonly digest: FrameDigest | null },
  gaps: 'refused' | 'accepted',
): FramePlace {
  const { position, digest } = known;
  if (position === null || frame.epoch > position.epoch) return { kind: 'append' };
  if (frame.epoch < position.epoch) return { kind: 'stale', epoch: position.epoch };
  if (frame.seq <= position.lastSeq) return placeRepeat(frame, position, digest);
  const expectedSeq = position.lastSeq + 1;
  return frame.seq === expectedSeq || gaps === 'accepted' ? { kind: 'append' } : { kind: 'gap', expectedSeq };
}

function placeRepeat(frame: FrameEntry, position: ShardPosition, digest: FrameDigest | null): FramePlace {
  if (digest === null) return { kind: 'append' };
  return digest === frame.digest ? { kind: 'repeat', ackedSeq: position.lastSeq } : { kind: 'conflict' };
}
