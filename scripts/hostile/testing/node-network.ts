import { DatabaseSync } from 'node:sqlite';
import { dispositionName } from '../../../core/disposition.ts';
import { atomically, nodeSql } from '../../../durable-objects/node-sql.ts';
import { shardPlace } from '../../../durable-objects/shard-place.ts';
import { Shard } from '../../../durable-objects/shard.ts';
import { SETTINGS, TestHost } from '../../../edge-worker/fixtures/host.ts';
import type { EventBatchReader } from '../../../schemas/wire/event-batch.ts';

/** What became of one event, and where. */
export type Verdict = { readonly shard: string; readonly eventId: string; readonly disposition: string };

type Home = { readonly database: DatabaseSync; shard: Shard };

/**
 * Three POPs over the real shards, in plain Node, with a clock in the test's hand. Nothing of ours is replaced: only workerd is missing,
 * and an eviction is what it is there, a new object over the same SQLite.
 */
export class NodeNetwork {
  readonly verdicts: Verdict[] = [];
  readonly #homes = new Map<string, Home>();
  readonly #pops: ReadonlyMap<string, TestHost>;

  private constructor(pops: ReadonlyMap<string, TestHost>) {
    this.#pops = pops;
    for (const pop of pops.values()) pop.record = async (name, batch) => this.#record(name, batch, pop.nowMs);
  }

  static async open(): Promise<NodeNetwork> {
    const names = ['us', 'eu', 'ap'];
    const hosts = await Promise.all(names.map((POP) => TestHost.open({ ...SETTINGS, POP })));
    return new NodeNetwork(new Map(names.map((name, index) => [name, hosts[index]!])));
  }

  pop(name: 'us' | 'eu' | 'ap'): TestHost {
    return this.#pops.get(name)!;
  }

  /** Moves every POP's clock. */
  set nowMs(nowMs: number) {
    for (const pop of this.#pops.values()) pop.nowMs = nowMs;
  }

  /** Takes every shard out of memory; the next event finds a new one over the same storage. */
  evict(nowMs: number): void {
    for (const [name, home] of this.#homes) home.shard = openShard(name, home.database, nowMs);
  }

  /** How many events ended so, by disposition. */
  counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { disposition } of this.verdicts) counts[disposition] = (counts[disposition] ?? 0) + 1;
    return counts;
  }

  #record(name: string, batch: EventBatchReader, nowMs: number): Uint8Array {
    const home = this.#homeOf(name, nowMs);
    const codes = atomically(home.database, () => home.shard.record(batch, nowMs));
    for (const [i, code] of codes.entries()) this.verdicts.push({ shard: name, eventId: batch.eventId(i), disposition: dispositionName(code) ?? 'unknown' });
    return codes;
  }

  #homeOf(name: string, nowMs: number): Home {
    const known = this.#homes.get(name);
    if (known !== undefined) return known;
    const database = new DatabaseSync(':memory:');
    const home = { database, shard: openShard(name, database, nowMs) };
    this.#homes.set(name, home);
    return home;
  }
}

function openShard(name: string, database: DatabaseSync, nowMs: number): Shard {
  return new Shard({ sql: nodeSql(database), place: shardPlace(name), nowMs });
}
