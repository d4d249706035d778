/**
 * When a shard seals a frame, and how much it may hold. An operator sets it for each region; it reaches shards with
 * their next ack and stays in force until another one comes.
 */
export type FlushPolicy = {
  /** An event waits no longer than this for its frame to be sealed. */
  readonly maxDelayMs: number;
  /** A frame is sealed early at this many cells. */
  readonly maxCells: number;
  /** A frame is sealed early at this many bytes of committed rows, before compression. */
  readonly maxBytes: number;
  /** Past this many bytes that no hub has acknowledged, the shard refuses new events rather than lose any. */
  readonly maxOutboxBytes: number;
};

const MIB = 1_048_576;

/** Seen on a dashboard within seconds, some hundred frames an hour for a quiet shard, an hour of outage for a busy one. */
export const DEFAULT_FLUSH_POLICY: FlushPolicy = {
  maxDelayMs: 1_000,
  maxCells: 20_000,
  maxBytes: MIB,
  maxOutboxBytes: 256 * MIB,
};

/** Inclusive bounds of every field. A frame of `maxBytes` must fit the frame limit even if nothing in it compresses. */
export const FLUSH_POLICY_BOUNDS: { readonly [Field in keyof FlushPolicy]: { readonly min: number; readonly max: number } } = {
  maxDelayMs: { min: 50, max: 60_000 },
  maxCells: { min: 1, max: 50_000 },
  maxBytes: { min: 64 * 1_024, max: 2 * MIB },
  maxOutboxBytes: { min: 8 * MIB, max: 2_048 * MIB },
};

/** The first field out of bounds, told to whoever set it; null for a policy that may stand. */
export function flushPolicyFault(policy: FlushPolicy): string | null {
  for (const [field, { min, max }] of Object.entries(FLUSH_POLICY_BOUNDS)) {
    const value = policy[field as keyof FlushPolicy];
    if (!Number.isSafeInteger(value) || value < min || value > max) return `${field} must be a whole number from ${min} to ${max}`;
  }
  return null;
}
