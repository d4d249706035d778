import { signSnapshot } from '../../schemas/snapshot.ts';
import type { ShardEpoch, Snapshot } from '../../schemas/catalogue.ts';
import type { CatalogueStore } from './catalogue-store.ts';
import type { ControlDatabase } from './control-database.ts';
import type { KeyStore } from './key-store.ts';
import { readSetting } from './settings-store.ts';

/** What the deployment fixes and every snapshot repeats. */
export type NetworkPlan = { readonly regions: readonly string[]; readonly shardEpochs: readonly ShardEpoch[] };

/** Makes the signed word to the edges from what the database holds now. */
export class SnapshotSource {
  readonly #deps: { database: ControlDatabase; catalogue: CatalogueStore; keys: KeyStore; plan: NetworkPlan; key: Uint8Array };
  #latest: { readonly issuedAtMs: number; readonly text: string } | null = null;

  constructor(deps: { database: ControlDatabase; catalogue: CatalogueStore; keys: KeyStore; plan: NetworkPlan; key: Uint8Array }) {
    this.#deps = deps;
  }

  /** The current snapshot, signed. It is made anew only when something changed, by this hub or by another over the same file. */
  text(): string {
    const issuedAtMs = readSetting(this.#deps.database, 'snapshotIssuedAtMs');
    if (this.#latest === null || this.#latest.issuedAtMs !== issuedAtMs) {
      this.#latest = { issuedAtMs, text: signSnapshot(this.#make(issuedAtMs), this.#deps.key) };
    }
    return this.#latest.text;
  }

  #make(issuedAtMs: number): Snapshot {
    const { database, catalogue, keys, plan } = this.#deps;
    return {
      ...catalogue.read(),
      issuedAtMs,
      regions: plan.regions,
      shardEpochs: plan.shardEpochs,
      keys: keys.forSnapshot(),
      ...readSetting(database, 'tokenKeys'),
      dataCenterCidrs: readSetting(database, 'dataCenterCidrs'),
    };
  }
}
