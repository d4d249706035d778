import { TrackingError } from '../../core/errors.ts';
import { TOPICS, type DeltaLog, type LogRecord, type PartitionId, type PartitionLag, type PartitionLease, type StoredRecord, type Topic } from '../../regional-hub/log/delta-log.ts';
import type { Faults } from '../faults.ts';
import type { Life } from '../kernel/life.ts';
import type { Random } from '../kernel/random.ts';
import type { Scheduler } from '../kernel/scheduler.ts';
import type { Probe } from '../probes.ts';
import { LogLease, type LogPartition } from './log-lease.ts';

/** Bugs of the log itself, planted. */
export type LogBugs = { readonly unfenced?: boolean };

/** How long the group waits for a member that says nothing before it gives its partitions to others. */
const SESSION_MS = 12_000;
/** A handler that failed gets a fresh lease after this. */
const RELEASE_MS = 1_000;

type Member = { readonly life: Life; readonly onLease: (lease: PartitionLease) => Promise<void>; readonly leases: Map<LogPartition, LogLease>; isIn: boolean };

export type LogEngineOptions = {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly faults: Faults;
  readonly bugs: LogBugs;
  readonly partitions: number;
  readonly sometimes: (probe: Probe) => void;
  /** A record is in the log, for good. */
  readonly onAppended: (record: LogRecord) => void;
};

/**
 * A log like the ones we use, at its worst: it acknowledges late or not at all, appends a part, appends twice or after it said no; it gives
 * partitions to new owners while old ones still believe in theirs; claims and finishes are durable, and fenced by generation.
 */
export class LogEngine {
  readonly #options: LogEngineOptions;
  readonly partitions: readonly LogPartition[];
  readonly #members: Member[] = [];

  constructor(options: LogEngineOptions) {
    this.#options = options;
    this.partitions = Object.values(TOPICS).flatMap((topic) =>
      Array.from({ length: options.partitions }, (_, partition): LogPartition => ({ topic, partition, records: [], nextOffset: 0n, finishedOffset: 0n, unfinished: null, generation: 0, readers: new Set() })),
    );
  }

  /** The log as one process sees it. */
  client(life: Life): DeltaLog {
    return new LogClient(this, life, this.#options);
  }

  lag(): PartitionLag[] {
    return this.partitions.map(({ topic, partition, nextOffset, finishedOffset }) => ({ topic, partition, endOffset: nextOffset, finishedOffset }));
  }

  /** Every record of a topic, partition by partition, in order. */
  recordsOf(topic: Topic): StoredRecord[] {
    return this.partitions.filter((partition) => partition.topic === topic).flatMap(({ records }) => records);
  }

  append({ topic, key, value }: LogRecord): void {
    const partition = this.#partitionOf({ topic, key });
    if (this.#options.random.chance(0.1)) partition.nextOffset += BigInt(this.#options.random.between(1, 3));
    partition.records.push({ offset: partition.nextOffset, key, value });
    partition.nextOffset += 1n;
    this.#options.onAppended({ topic, key, value });
    for (const wake of partition.readers) wake();
  }

  join(life: Life, onLease: Member['onLease']): void {
    const member: Member = { life, onLease, leases: new Map(), isIn: true };
    this.#members.push(member);
    life.onEnd(() => this.#options.scheduler.after(SESSION_MS, `${life.name} leaves the group`, () => this.#expel(member)));
    this.#rebalance();
  }

  /** The group loses sight of a member that is alive: others get its partitions, and it hears of that late. */
  freeze(life: Life, forMs: number): void {
    const member = this.#members.find((known) => known.life === life && known.isIn);
    if (member === undefined) return;
    this.#expel(member);
    this.#options.scheduler.after(forMs, `${life.name} hears that it was expelled`, () => {
      for (const lease of member.leases.values()) lease.revoke();
      member.leases.clear();
      if (!life.isAlive) return;
      member.isIn = true;
      this.#rebalance();
    });
  }

  /** Whoever reads a partition next begins at its oldest record. Only where nothing is claimed: what a lost claim has stored, nobody could tell. */
  loseAPosition(): boolean {
    const settled = this.partitions.filter(({ unfinished, finishedOffset }) => unfinished === null && finishedOffset > 0n);
    if (settled.length === 0) return false;
    const partition = this.#options.random.pick(settled);
    partition.finishedOffset = 0n;
    partition.generation += 1;
    for (const member of this.#members) {
      member.leases.get(partition)?.revoke();
      member.leases.delete(partition);
    }
    this.#rebalance();
    return true;
  }

  #expel(member: Member): void {
    member.isIn = false;
    this.#rebalance();
  }

  /** Deals the partitions out; one that stays with its owner stays under its lease. */
  #rebalance(): void {
    const owners = this.#members.filter((member) => member.isIn && member.life.isAlive);
    if (owners.length === 0) return;
    for (const [index, partition] of this.partitions.entries()) {
      const owner = owners[index % owners.length]!;
      const held = owner.leases.get(partition);
      if (held !== undefined && held.generation === partition.generation) continue;
      for (const member of this.#members) {
        if (member === owner || !member.isIn) continue;
        member.leases.get(partition)?.revoke();
        member.leases.delete(partition);
      }
      this.#lease(owner, partition);
    }
  }

  #lease(member: Member, partition: LogPartition): void {
    partition.generation += 1;
    const lease = new LogLease(partition, { ...this.#options, life: member.life });
    member.leases.set(partition, lease);
    const again = (): void => {
      if (member.isIn && member.life.isAlive && member.leases.get(partition) === lease && !lease.lost.aborted) this.#lease(member, partition);
    };
    this.#options.scheduler.after(1, `${member.life.name} leases ${partition.topic}/${partition.partition}`, () => {
      if (!member.life.isAlive || lease.lost.aborted) return;
      const over = (): void => this.#options.scheduler.after(RELEASE_MS, `${member.life.name} lease over`, again);
      member.onLease(lease).then(over, over);
    });
  }

  #partitionOf({ topic, key }: { topic: Topic; key: string }): LogPartition {
    let hash = 0;
    for (let at = 0; at < key.length; at++) hash = (Math.imul(hash, 31) + key.charCodeAt(at)) >>> 0;
    return this.partitions.find((partition: PartitionId) => partition.topic === topic && partition.partition === hash % this.#options.partitions)!;
  }
}

/** One process's connection: its appends keep their order, whatever becomes of each. */
class LogClient implements DeltaLog {
  readonly #engine: LogEngine;
  readonly #life: Life;
  readonly #options: LogEngineOptions;
  /** When the append before this one has landed. */
  #landedAtMs = 0;

  constructor(engine: LogEngine, life: Life, options: LogEngineOptions) {
    this.#engine = engine;
    this.#life = life;
    this.#options = options;
  }

  async ensureTopics(): Promise<void> {}

  appendBatch(records: readonly LogRecord[]): Promise<void> {
    const { scheduler, random, faults } = this.#options;
    const { name } = this.#life;
    const fault = random.chance(faults.rate('appendFault')) ? random.pick(['before', 'part', 'after', 'late', 'twice', 'slow'] as const) : 'none';
    const landMs = fault === 'slow' || fault === 'late' ? random.below(9_000) : random.delayMs(10);
    this.#landedAtMs = Math.max(this.#landedAtMs, scheduler.nowMs + landMs);
    return this.#life.hear(
      new Promise((resolve, reject) => {
        const fail = (): void => reject(new TrackingError('unavailable', `injected: append failed ${fault}`));
        if (fault === 'late') scheduler.after(random.below(2_000), `${name} append gives up`, fail);
        scheduler.after(this.#landedAtMs - scheduler.nowMs, `${name} append ${fault}`, () => {
          if (fault === 'before') return fail();
          const landing = fault === 'part' ? records.slice(0, random.below(records.length)) : fault === 'twice' ? [...records, ...records] : records;
          for (const record of landing) this.#engine.append(record);
          if (fault === 'part' || fault === 'after') fail();
          else scheduler.after(random.delayMs(5), `${name} append acked`, resolve);
        });
      }),
    );
  }

  async consume(onLease: (lease: PartitionLease) => Promise<void>): Promise<void> {
    this.#engine.join(this.#life, onLease);
  }

  async lag(): Promise<readonly PartitionLag[]> {
    return this.#engine.lag();
  }

  async close(): Promise<void> {
    this.#life.end();
  }
}
