import * as v from 'valibot';
import { TrackingError, assert } from '../../core/errors.ts';
import type { PartitionLease, RangeClaim, Topic } from '../log/delta-log.ts';
import type { Assignment, Committed, KafkaGroup } from './kafka-group.ts';
import type { KafkaReader } from './kafka-reader.ts';
import { sameRange } from './same-range.ts';

/** The two connections of a consumer. */
export type KafkaConsumer = { readonly group: KafkaGroup; readonly reader: KafkaReader };

/** Where the group stands with a partition. */
export type KafkaPosition = { readonly nextOffset: bigint; readonly unfinished: RangeClaim | null };

export type KafkaLeaseOptions = KafkaConsumer & {
  readonly assignment: Assignment;
  readonly topic: Topic;
  readonly kafkaTopic: string;
  readonly partition: number;
  readonly position: KafkaPosition;
};

const ClaimNote = v.object({ max: v.pipe(v.string(), v.digits()), claimedAtMs: v.pipe(v.number(), v.safeInteger(), v.minValue(0)) });

/**
 * A claim rides in the group's offset commit: the offset is its first one, the note beside it says the rest. So one commit,
 * fenced by the group's generation, tells the next owner both where to begin and what to repeat.
 */
export function encodeClaim({ maxOffset, claimedAtMs }: RangeClaim): string {
  return JSON.stringify({ max: String(maxOffset), claimedAtMs });
}

/** The claim in a committed offset, null where there is none; throws `corrupt_bytes` for a note that is not ours. */
export function decodeClaim(committed: Committed): RangeClaim | null {
  if (committed.metadata === '') return null;
  try {
    const { max, claimedAtMs } = v.parse(ClaimNote, JSON.parse(committed.metadata));
    return { minOffset: committed.offset, maxOffset: BigInt(max), claimedAtMs };
  } catch (cause) {
    throw new TrackingError('corrupt_bytes', 'the group’s commit carries a note of somebody else', { cause });
  }
}

/** Every partition of an assignment as its earlier owner left it, by `topic/partition` in the broker's names. */
export async function readPositions({ group, reader }: KafkaConsumer, assignment: Assignment): Promise<ReadonlyMap<string, KafkaPosition>> {
  const positions = new Map<string, KafkaPosition>();
  if (assignment.partitions.length === 0) return positions;
  for (const committed of await group.committed(assignment)) {
    positions.set(`${committed.topic}/${committed.partition}`, { nextOffset: committed.offset, unfinished: decodeClaim(committed) });
  }
  const fresh = assignment.partitions.filter(({ topic, partition }) => !positions.has(`${topic}/${partition}`));
  const earliest = fresh.length === 0 ? [] : await reader.earliest(fresh);
  fresh.forEach(({ topic, partition }, i) => positions.set(`${topic}/${partition}`, { nextOffset: earliest[i] ?? 0n, unfinished: null }));
  return positions;
}

/** A partition in this member's hands. */
export function openKafkaLease(options: KafkaLeaseOptions): PartitionLease {
  return new KafkaLease(options);
}

class KafkaLease implements PartitionLease {
  readonly topic: Topic;
  readonly partition: number;
  readonly lost: AbortSignal;
  readonly unfinished: RangeClaim | null;
  readonly #options: KafkaLeaseOptions;
  #claimed: RangeClaim | null;
  #nextOffset: bigint;

  constructor(options: KafkaLeaseOptions) {
    this.topic = options.topic;
    this.partition = options.partition;
    this.lost = options.assignment.lost;
    this.unfinished = options.position.unfinished;
    this.#options = options;
    this.#claimed = options.position.unfinished;
    this.#nextOffset = options.position.nextOffset;
  }

  get nextOffset(): bigint {
    return this.#nextOffset;
  }

  read(options: { fromOffset: bigint; maxRecords: number; maxBytes: number; waitMs: number }) {
    const { reader, kafkaTopic, partition } = this.#options;
    return reader.read({ ...options, topic: kafkaTopic, partition, signal: this.lost });
  }

  async claim(range: RangeClaim): Promise<void> {
    assert(range.minOffset >= this.#nextOffset && range.maxOffset >= range.minOffset, 'a claim lies ahead of what is finished');
    assert(this.#claimed === null || sameRange(this.#claimed, range), 'an unfinished claim is repeated before another is made');
    await this.#commit(range.minOffset, encodeClaim(range));
    this.#claimed = range;
  }

  async finish(range: RangeClaim): Promise<void> {
    assert(this.#claimed !== null && sameRange(this.#claimed, range), 'only the claimed range is finished');
    await this.#commit(range.maxOffset + 1n, '');
    this.#claimed = null;
    this.#nextOffset = range.maxOffset + 1n;
  }

  #commit(offset: bigint, metadata: string): Promise<void> {
    const { group, assignment, kafkaTopic, partition } = this.#options;
    return group.commit(assignment, kafkaTopic, partition, offset, metadata);
  }
}
