import { REASONS } from '../../core/disposition.ts';
import type { ShardDoor } from '../../edge-worker/ports.ts';
import { EventBatchReader } from '../../schemas/wire/event-batch.ts';
import { rewriteBatch } from './rewrite-batch.ts';

/** A reason that only the newer of two versions knows: its edges give it where older ones say `head`. */
export const NEWER_REASON = Math.max(...Object.values(REASONS)) + 1;

/** An edge of a newer version beside older shards and hubs: it screens by a rule that they have never heard of. */
export function inNewerWords(door: ShardDoor, onUse: () => void): ShardDoor {
  return {
    record: (shard, batch, batchId) => {
      if (!knowsHead(batch)) return door.record(shard, batch, batchId);
      onUse();
      return door.record(shard, rewriteBatch(batch, { event: (event) => (event.screenedReason === REASONS.head ? { ...event, screenedReason: NEWER_REASON, reasonMask: 1 << NEWER_REASON } : event) }), batchId);
    },
  };
}

function knowsHead(batch: Uint8Array): boolean {
  const reader = new EventBatchReader(batch);
  return Array.from({ length: reader.eventCount }, (_, i) => reader.fields(i).screenedReason).includes(REASONS.head);
}
