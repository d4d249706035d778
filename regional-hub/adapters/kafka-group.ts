import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import type { Assigner, Broker, Cluster, GroupMember, GroupState } from 'kafkajs';
import { TrackingError } from '../../core/errors.ts';
import { MINUTE_MS, SECOND_MS } from '../../core/time.ts';
import { isFatalKafkaError, protocolErrorOf, reviveCluster } from './kafka-client.ts';

const { AssignerProtocol, PartitionAssigners } = kafkajs;

/** What the group gave this member, until the group changes. */
export type Assignment = {
  readonly generationId: number;
  readonly memberId: string;
  readonly partitions: readonly { readonly topic: string; readonly partition: number }[];
  readonly lost: AbortSignal;
};

/** A committed offset with the note beside it. Partitions for which nothing was ever committed have none. */
export type Committed = { readonly topic: string; readonly partition: number; readonly offset: bigint; readonly metadata: string };

/**
 * Outlives the process. A hub that was killed is still a member until its session ends; its next life, which alone has its data folder, leaves the
 * group in its name and has its partitions at once.
 */
export type MemberMemory = { recall(): string; remember(memberId: string): void };

export type KafkaGroupOptions = {
  readonly cluster: Cluster;
  readonly groupId: string;
  readonly topics: readonly string[];
  readonly heartbeatIntervalMs?: number;
  readonly sessionTimeoutMs?: number;
  /** Where this hub's next life finds the name of this one. */
  readonly memory?: MemberMemory;
  /** Works on an assignment until it is lost. */
  readonly onAssigned: (assignment: Assignment) => Promise<void>;
  /** Nothing will mend this without help; membership has ended. */
  readonly onFatal: (error: unknown) => void;
};

/** A member that says nothing for so long is out; long enough for a full garbage collection and a slow insert. */
const SESSION_TIMEOUT_MS = 45 * SECOND_MS;
const REBALANCE_TIMEOUT_MS = MINUTE_MS;
const HEARTBEAT_INTERVAL_MS = 3 * SECOND_MS;
const RETRY_MS = 300;
/** So long the group waits for work on a lost assignment to end; what ends later is fenced anyway. */
const HANDOVER_MS = 10 * SECOND_MS;
/** A commit that nobody answers for so long is given back to its caller as `unavailable`. */
const COMMIT_PATIENCE_MS = MINUTE_MS;

const OUTDATED = new Set(['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'FENCED_INSTANCE_ID']);

type FetchedOffset = { readonly partition: number; readonly offset: string; readonly metadata?: string | null };
type Join = { generationId: number; leaderId: string; memberId: string; members: GroupMember[] };
type Coordinator = Broker & {
  joinGroup(request: { groupId: string; sessionTimeout: number; rebalanceTimeout: number; memberId: string; groupProtocols: GroupState[] }): Promise<Join>;
  syncGroup(request: { groupId: string; generationId: number; memberId: string; groupAssignment: object[] }): Promise<{ memberAssignment: Buffer }>;
  heartbeat(request: { groupId: string; groupGenerationId: number; memberId: string }): Promise<void>;
  leaveGroup(request: { groupId: string; memberId: string }): Promise<void>;
};

/**
 * Membership in a consumer group. The library's own consumer is not used: it commits under whatever generation it is in by now, and says
 * nothing when it did not commit at all. Here a commit belongs to one assignment, and the broker refuses it once the group has moved on.
 */
export class KafkaGroup {
  readonly #options: KafkaGroupOptions;
  readonly #assigner: Assigner;
  readonly #closing = new AbortController();
  #memberId = '';
  /** A member that this hub was and is no more; '' once it has left. */
  #predecessor: string;
  #found: Promise<Coordinator> | null = null;
  #pausing: Promise<void> | null = null;
  #running: Promise<void> = Promise.resolve();
  /** Ends the assignment that this member works on. */
  #lost: AbortController | null = null;

  constructor(options: KafkaGroupOptions) {
    this.#options = options;
    const { cluster, groupId, memory } = options;
    this.#predecessor = memory?.recall() ?? '';
    this.#assigner = PartitionAssigners.roundRobin({ cluster, groupId, logger: SILENT });
  }

  /** Resolves when the group has first taken this member in. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#running = this.#run(resolve).catch((error: unknown) => {
        reject(error);
        this.#options.onFatal(error);
      });
    });
  }

  async stop(): Promise<void> {
    this.#closing.abort();
    await this.#running;
    const { cluster, groupId } = this.#options;
    if (this.#memberId !== '') {
      await this.#coordinator()
        .then((coordinator) => coordinator.leaveGroup({ groupId, memberId: this.#memberId }))
        .catch(() => undefined);
    }
    await cluster.disconnect().catch(() => undefined);
  }

  /** Durable before it resolves. Throws `lease_lost` once the group has moved on, `unavailable` when no coordinator answers. */
  async commit(assignment: Assignment, topic: string, partition: number, offset: bigint, metadata: string): Promise<void> {
    const { groupId } = this.#options;
    const request = {
      groupId,
      memberId: assignment.memberId,
      groupGenerationId: assignment.generationId,
      topics: [{ topic, partitions: [{ partition, offset: String(offset), metadata }] }],
    };
    await this.#asHolder(assignment, async () => void (await (await this.#coordinator()).offsetCommit(request)));
  }

  /** What the group has committed for the partitions of an assignment; nobody of an earlier generation can change it any more. */
  committed(assignment: Assignment): Promise<readonly Committed[]> {
    const { groupId } = this.#options;
    const topics = [...Map.groupBy(assignment.partitions, ({ topic }) => topic)].map(([topic, partitions]) => ({
      topic,
      partitions: partitions.map(({ partition }) => ({ partition, offset: '-1' })),
    }));
    return this.#asHolder(assignment, async () => {
      const { responses } = await (await this.#coordinator()).offsetFetch({ groupId, topics });
      return responses.flatMap(({ topic, partitions }) => (partitions as FetchedOffset[]).flatMap((fetched) => committedOf(topic, fetched)));
    });
  }

  async #run(onJoined: () => void): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        const joined = await this.#join();
        onJoined();
        await this.#live(joined);
      } catch (error) {
        if (protocolErrorOf(error) === 'UNKNOWN_MEMBER_ID') this.#memberId = '';
        if (isFatalKafkaError(error)) throw error;
        await this.#pause();
      }
    }
    onJoined();
  }

  async #join(): Promise<Omit<Assignment, 'lost'>> {
    const { cluster, groupId, topics } = this.#options;
    await cluster.connect();
    await cluster.addMultipleTargetTopics([...topics]);
    const coordinator = await this.#coordinator();
    await this.#dismissPredecessor(coordinator);
    const join = await coordinator.joinGroup({
      groupId,
      sessionTimeout: this.#options.sessionTimeoutMs ?? SESSION_TIMEOUT_MS,
      rebalanceTimeout: REBALANCE_TIMEOUT_MS,
      memberId: this.#memberId,
      groupProtocols: [this.#assigner.protocol({ topics: [...topics] })],
    });
    this.#memberId = join.memberId;
    this.#options.memory?.remember(join.memberId);
    const { generationId, memberId, members } = join;
    const groupAssignment = join.leaderId === memberId ? await this.#assign(members) : [];
    const { memberAssignment } = await coordinator.syncGroup({ groupId, generationId, memberId, groupAssignment });
    const byTopic = AssignerProtocol.MemberAssignment.decode(memberAssignment)?.assignment ?? {};
    const partitions = Object.entries(byTopic).flatMap(([topic, ids]) => ids.map((partition) => ({ topic, partition })));
    return { generationId, memberId, partitions };
  }

  async #dismissPredecessor(coordinator: Coordinator): Promise<void> {
    if (this.#predecessor === '') return;
    try {
      await coordinator.leaveGroup({ groupId: this.#options.groupId, memberId: this.#predecessor });
    } catch (error) {
      if (protocolErrorOf(error) !== 'UNKNOWN_MEMBER_ID') throw error;
    }
    this.#predecessor = '';
  }

  async #assign(members: GroupMember[]) {
    const { cluster, topics } = this.#options;
    await cluster.refreshMetadata();
    return this.#assigner.assign({ members, topics: [...topics] });
  }

  /** Keeps the assignment alive with heartbeats until the group changes or this member stops. */
  async #live(joined: Omit<Assignment, 'lost'>): Promise<void> {
    const lost = new AbortController();
    this.#lost = lost;
    const work = this.#options.onAssigned({ ...joined, lost: lost.signal });
    try {
      await this.#beat({ ...joined, lost: lost.signal });
    } finally {
      lost.abort();
      await (this.#closing.signal.aborted ? work : Promise.race([work, sleep(HANDOVER_MS)]));
    }
  }

  async #beat({ generationId, memberId, lost }: Assignment): Promise<void> {
    const { groupId, heartbeatIntervalMs = HEARTBEAT_INTERVAL_MS } = this.#options;
    const signal = AbortSignal.any([this.#closing.signal, lost]);
    while (!signal.aborted) {
      await sleep(heartbeatIntervalMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        await (await this.#coordinator()).heartbeat({ groupId, groupGenerationId: generationId, memberId });
      } catch (error) {
        if (protocolErrorOf(error) === 'UNKNOWN_MEMBER_ID') this.#memberId = '';
        if (OUTDATED.has(protocolErrorOf(error))) return;
        if (isFatalKafkaError(error)) throw error;
        await this.#pause();
      }
    }
  }

  /** Repeats `work` while the assignment stands and a coordinator may yet answer; the generation in the request fences it. */
  async #asHolder<Result>(assignment: Assignment, work: () => Promise<Result>): Promise<Result> {
    const patience = AbortSignal.timeout(COMMIT_PATIENCE_MS);
    for (;;) {
      if (assignment.lost.aborted) throw new TrackingError('lease_lost', 'the group has changed');
      try {
        return await work();
      } catch (cause) {
        const type = protocolErrorOf(cause);
        if (OUTDATED.has(type)) {
          this.#giveUp(assignment, type);
          throw new TrackingError('lease_lost', `the group has changed: ${type}`, { cause });
        }
        if (patience.aborted || isFatalKafkaError(cause)) throw new TrackingError('unavailable', 'no coordinator answers', { cause });
        await this.#pause();
      }
    }
  }

  /**
   * A commit heard that the group has moved on: this member joins again. Heartbeats may never hear it, where a broker was restarted in between, and
   * whatever worked on the refused partition would be gone for good.
   */
  #giveUp({ lost }: Assignment, type: string): void {
    if (this.#lost?.signal !== lost) return;
    if (type === 'UNKNOWN_MEMBER_ID') this.#memberId = '';
    this.#lost.abort();
  }

  /** Asked once, and again after a failure. */
  #coordinator(): Promise<Coordinator> {
    const { cluster, groupId } = this.#options;
    this.#found ??= cluster.findGroupCoordinator({ groupId }) as Promise<Coordinator>;
    return this.#found;
  }

  /** After a failure: a moment's rest, shared by all who wait, then connections and metadata anew. */
  #pause(): Promise<void> {
    this.#pausing ??= this.#recover().finally(() => {
      this.#pausing = null;
    });
    return this.#pausing;
  }

  async #recover(): Promise<void> {
    const { signal } = this.#closing;
    await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
    this.#found = null;
    if (!signal.aborted) await reviveCluster(this.#options.cluster);
  }
}

function committedOf(topic: string, { partition, offset, metadata }: FetchedOffset): Committed[] {
  return BigInt(offset) < 0n ? [] : [{ topic, partition, offset: BigInt(offset), metadata: metadata ?? '' }];
}

const NOTHING = () => undefined;
const SILENT = { info: NOTHING, error: NOTHING, warn: NOTHING, debug: NOTHING, namespace: () => SILENT, setLogLevel: NOTHING };
