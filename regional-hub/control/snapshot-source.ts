import { assert } from '../../core/errors.ts';
import type { Clock } from '../../core/time.ts';
import { sealSnapshot, tellSnapshot } from '../../schemas/snapshot.ts';
import type { Snapshot } from '../../schemas/catalogue.ts';
import type { CatalogueStore } from './catalogue-store.ts';
import type { ControlDatabase } from './control-database.ts';
import type { KeyStore } from './key-store.ts';
import { readSetting } from './settings-store.ts';

/** Makes the signed word to the edges from what the database holds now. */
export class SnapshotSource {
  readonly #deps: { database: ControlDatabase; catalogue: CatalogueStore; keys: KeyStore; key: Uint8Array; clock: Clock };
  #latest: { readonly issuedAtMs: number; readonly sealed: string } | null = null;

  constructor(deps: { database: ControlDatabase; catalogue: CatalogueStore; keys: KeyStore; key: Uint8Array; clock: Clock }) {
    this.#deps = deps;
  }

  /** The current snapshot, told now. It is sealed anew only when something changed, by this hub or by another over the same file. */
  text(): string {
    const { database, key, clock } = this.#deps;
    const issuedAtMs = readSetting(database, 'snapshotIssuedAtMs');
    if (this.#latest === null || this.#latest.issuedAtMs !== issuedAtMs) {
      this.#latest = { issuedAtMs, sealed: sealSnapshot(this.#make(issuedAtMs), key) };
    }
    return tellSnapshot({ toldAtMs: clock.nowMs(), sealed: this.#latest.sealed }, key);
  }

  #make(issuedAtMs: number): Snapshot {
    const { database, catalogue, keys } = this.#deps;
    const plan = readSetting(database, 'plan');
    assert(plan !== null, 'a plan was adopted before anybody was told of it');
    return {
      ...catalogue.read(),
      issuedAtMs,
      ...plan,
      saltEpochs: readSetting(database, 'saltEpochs'),
      keys: keys.forSnapshot(),
      ...readSetting(database, 'tokenKeys'),
      dataCenterCidrs: readSetting(database, 'dataCenterCidrs'),
    };
  }
}
