import type { EdgeTally } from '../../core/event.ts';
import type { EpochMs } from '../../core/time.ts';
import { EventBatchWriter } from '../../schemas/wire/event-batch.ts';
import { Announcement } from '../announcement.ts';
import type { Delivery, DraftEvent, Lane } from './shipment.ts';
import { AcceptedTally } from './tallies.ts';

/** A batch is closed here, well below the wire's limit: the largest single event adds some 6 kB. */
export const FULL_BATCH_BYTES = 900_000;

/** Events on their way to one shard in one call. Whoever opened it carries it. */
export class OpenBatch {
  readonly lane: Lane;
  readonly openedAtMs: EpochMs;
  /** Under it the batch is recorded once, whichever way it comes; '' where the sender is told and tries again. */
  readonly id: string;
  /** What became of the batch, once its carrier knows. */
  readonly delivered = new Announcement<Delivery>();
  readonly #writer = new EventBatchWriter();
  readonly #accepted = new AcceptedTally();
  readonly #homeRegion: string;
  /** Set once its carrier has begun to send: nothing may be added. */
  closed = false;

  constructor(options: { lane: Lane; homeRegion: string; openedAtMs: EpochMs; id: string }) {
    this.lane = options.lane;
    this.openedAtMs = options.openedAtMs;
    this.id = options.id;
    this.#homeRegion = options.homeRegion;
  }

  get eventCount(): number {
    return this.#writer.eventCount;
  }

  get isFull(): boolean {
    return this.#writer.isFull || this.#writer.byteLength >= FULL_BATCH_BYTES;
  }

  add(event: DraftEvent): void {
    event.ad = this.#writer.adIndex(event.terms);
    this.#writer.add(event);
    this.#accepted.add(event.receivedAtMs);
  }

  /** The batch's bytes, its accepted events tallied, `rejections` riding along. */
  finish(rejections: readonly EdgeTally[]): Uint8Array {
    for (const row of this.#accepted.rows(this.#homeRegion)) this.#writer.tally(row);
    for (const row of rejections) this.#writer.tally(row);
    return this.#writer.finish();
  }
}

/** A batch without events: what this edge refused, told to the shard that keeps its books. */
export function talliesOnly(rows: readonly EdgeTally[]): Uint8Array {
  const writer = new EventBatchWriter();
  for (const row of rows) writer.tally(row);
  return writer.finish();
}
