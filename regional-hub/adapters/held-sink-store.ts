import { TrackingError } from '../../core/errors.ts';
import { ClickHouseSinkStore, type SinkStoreOptions } from './clickhouse-sink-store.ts';

/** The sink's store on a disk that may run short: then it refuses inserts (`unavailable`, to be tried again) before the engine has to. */
export class HeldSinkStore extends ClickHouseSinkStore {
  readonly #isShort: () => boolean;

  constructor(options: SinkStoreOptions, isShort: () => boolean) {
    super(options);
    this.#isShort = isShort;
  }

  override async insert(...what: Parameters<ClickHouseSinkStore['insert']>): Promise<void> {
    if (this.#isShort()) throw new TrackingError('unavailable', 'the disk is nearly full');
    return super.insert(...what);
  }
}
