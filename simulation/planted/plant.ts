import type { HubClient } from '../../durable-objects/hub-client.ts';
import type { SqlPort } from '../../durable-objects/sql-port.ts';
import type { ShardDoor } from '../../edge-worker/ports.ts';
import type { KeyHasher } from '../../core/hash.ts';
import type { IntakeDeps } from '../../regional-hub/intake/accept-frame.ts';
import type { DeltaLog } from '../../regional-hub/log/delta-log.ts';
import type { SinkStore } from '../../regional-hub/sink/sink-store.ts';
import type { DiskBugs } from '../engines/disk.ts';
import type { LogBugs } from '../engines/log-engine.ts';
import type { StoreBugs } from '../engines/store-engine.ts';

/** What a wrapper may know of the place it stands in. */
export type PlantSite = { readonly nowMs: () => number; readonly region: string };

/**
 * A bug put into the running system from outside: by bending a port that its composition hands over, an engine's promise, or, for the time of a run,
 * a method. Production code knows nothing of it.
 */
export type Plant = {
  readonly name: string;
  /** What a developer would have got wrong. */
  readonly story: string;
  readonly disk?: DiskBugs;
  readonly log?: LogBugs;
  readonly store?: StoreBugs;
  readonly shardDoor?: (door: ShardDoor, site: PlantSite) => ShardDoor;
  readonly hubClient?: (client: HubClient) => HubClient;
  readonly sql?: (sql: SqlPort) => SqlPort;
  readonly deltaLog?: (log: DeltaLog) => DeltaLog;
  readonly intake?: (deps: IntakeDeps) => IntakeDeps;
  readonly sinkStore?: (store: SinkStore) => SinkStore;
  readonly hasher?: (hasher: KeyHasher, site: PlantSite) => KeyHasher;
  /** What an edge answers, bent. */
  readonly reply?: (request: { readonly path: string; readonly status: number; readonly location: string }) => { readonly status: number; readonly location: string };
  /** Spilled batches: the answer that a hand-over is given. */
  readonly handOver?: (call: Promise<void>) => Promise<void>;
  /** Bends methods; the result puts them straight. */
  readonly patch?: () => () => void;
};

/** Puts `replacement` in the place of a method until the result is called. */
export function patched<Target extends object, Name extends keyof Target>(target: Target, name: Name, replace: (original: Target[Name]) => Target[Name]): () => void {
  const original = target[name];
  target[name] = replace(original);
  return () => {
    target[name] = original;
  };
}
