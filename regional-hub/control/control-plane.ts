import type { Clock } from '../../core/time.ts';
import { CatalogueStore } from './catalogue-store.ts';
import type { ControlDatabase } from './control-database.ts';
import { KeyStore, type RandomBytes } from './key-store.ts';
import { adoptPlan } from './network-plan.ts';
import { PolicyStore } from './policy-store.ts';
import type { NetworkPlan } from './settings-store.ts';
import { SnapshotSource } from './snapshot-source.ts';
import type { SnapshotPublisher } from './snapshot-publisher.ts';

export type ControlPlaneOptions = {
  readonly database: ControlDatabase;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly plan: NetworkPlan;
  readonly snapshotKey: Uint8Array;
  readonly publishers: readonly SnapshotPublisher[];
};

/** Everything that administrators change, and the word that edges get of it. */
export type ControlPlane = {
  readonly database: ControlDatabase;
  readonly clock: Clock;
  readonly plan: NetworkPlan;
  readonly catalogue: CatalogueStore;
  readonly keys: KeyStore;
  readonly policies: PolicyStore;
  readonly snapshot: SnapshotSource;
  /** Tells edges; call after every change that they must know, and every minute besides: an edge that hears nothing for minutes stops what rests on news. */
  readonly publish: () => void;
};

/** Puts the control plane together over one database. Throws `bad_configuration` for a plan that takes back what edges were told. */
export function createControlPlane(options: ControlPlaneOptions): ControlPlane {
  const { database, clock, plan } = options;
  adoptPlan(database, plan, clock.nowMs());
  const catalogue = new CatalogueStore(database);
  const keys = new KeyStore(database, options.randomBytes);
  const snapshot = new SnapshotSource({ database, catalogue, keys, key: options.snapshotKey, clock });
  const publish = () => {
    for (const publisher of options.publishers) publisher.publish(snapshot.text());
  };
  return { database, clock, plan, catalogue, keys, policies: new PolicyStore(database), snapshot, publish };
}
