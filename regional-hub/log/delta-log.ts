/** What travels on which topic. Both are keyed by shard, so one shard's frames keep their order. */
export const TOPICS = { deltas: 'deltas', raw: 'raw-events' } as const;
export type Topic = (typeof TOPICS)[keyof typeof TOPICS];

/** One record on its way in. */
export type LogRecord = { readonly topic: Topic; readonly key: string; readonly value: Uint8Array };

/** A record as the log keeps it; offsets grow within a partition and may skip. */
export type StoredRecord = { readonly offset: bigint; readonly key: string; readonly value: Uint8Array };

/** One ordered sequence of records; a key always lands in the same one. */
export type PartitionId = { readonly topic: Topic; readonly partition: number };

/**
 * A promise to insert exactly the records [minOffset, maxOffset] under one token. It is fenced: a consumer that has lost the
 * partition cannot make one, and the next owner repeats the last one made before it makes its own.
 */
export type RangeClaim = {
  readonly minOffset: bigint;
  readonly maxOffset: bigint;
  /** Becomes `stored_at` of every row of the range, so that a repeat writes the same bytes. */
  readonly claimedAtMs: number;
};

/** One partition in this consumer's hands, until `lost` aborts. */
export type PartitionLease = PartitionId & {
  readonly lost: AbortSignal;
  /** The claim that an earlier owner (or life) left unfinished, or null. */
  readonly unfinished: RangeClaim | null;
  /**
   * Records from `fromOffset` on, in order; waits up to `waitMs` for the first one, then gives what is there (perhaps nothing).
   * The same offsets may be read again and again. At least one record comes, however small `maxBytes` is. Gives nothing once `lost` has aborted.
   */
  read(options: { fromOffset: bigint; maxRecords: number; maxBytes: number; waitMs: number }): Promise<readonly StoredRecord[]>;
  /** First offset not yet finished. */
  readonly nextOffset: bigint;
  /**
   * Durable before it resolves; the range may not begin before `nextOffset`, and the same claim may be repeated.
   * Throws `TrackingError` code `lease_lost` when another owner has the partition, `unavailable` when nobody can tell: repeat it then.
   */
  claim(range: RangeClaim): Promise<void>;
  /** The claimed range is in the store; durable before it resolves. Throws as `claim`. */
  finish(range: RangeClaim): Promise<void>;
};

/** `endOffset` is the next record's, `finishedOffset` the first that is not in the store yet: their difference is the lag. */
export type PartitionLag = PartitionId & { readonly endOffset: bigint; readonly finishedOffset: bigint };

/** The durable, ordered log between intake and sink. Every adapter passes `delta-log.contract.ts`. */
export type DeltaLog = {
  /** Creates what is missing; safe to repeat. */
  ensureTopics(): Promise<void>;
  /**
   * Durable on return; records of one key keep their order. May append twice, on a retry by the caller or by the adapter: readers drop
   * repeats by frame. When it rejects (`unavailable`, `storage_failed`) the records may still be there, but none of a later call overtook them.
   */
  appendBatch(records: readonly LogRecord[]): Promise<void>;
  /**
   * Calls `onLease` for each partition given to this consumer, once per assignment, and resolves when consumption has begun.
   * A handler runs until `lost` aborts; one that throws is given a fresh lease a second later.
   */
  consume(onLease: (lease: PartitionLease) => Promise<void>): Promise<void>;
  /** How far the store trails, for every partition of both topics. */
  lag(): Promise<readonly PartitionLag[]>;
  /** Ends leases, waits for handlers and for appends under way, closes connections. */
  close(): Promise<void>;
};
