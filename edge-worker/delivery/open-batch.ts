import { assert } from '../../core/errors.ts';
import type { EdgeTally } from '../../core/event.ts';
import type { EpochMs } from '../../core/time.ts';
import { EventBatchWriter } from '../../schemas/wire/event-batch.ts';
import { Announcement } from '../announcement.ts';
import type { Delivery, DraftEvent, Lane } from './delivery.ts';
import { AcceptedTally } from './tallies.ts';

/** A batch is closed here, well below the wire's limit: the largest single event adds some 6 kB. */
export const FULL_BATCH_BYTES = 900_000;

/** Writers that wait for a batch: their buffers have grown to what batches take here, which each new one would have to do again. */
const idleWriters: EventBatchWriter[] = [];
/** As many batches as are filled at a time by a few shards' traffic; each keeps its room, 1 MB at the very most. */
const MAX_IDLE_WRITERS = 4;

/** Events on their way to one shard in one call. Whoever opened it carries it. */
export class OpenBatch {
  readonly lane: Lane;
  readonly openedAtMs: EpochMs;
  /** Under it the batch is recorded once, whichever way it comes; '' where the sender is told and tries again. */
  readonly id: string;
  /** What became of the batch, once its carrier knows. */
  readonly delivered = new Announcement<Delivery>();
  /** Null once finished: it is another batch's then. */
  #writer: EventBatchWriter | null = idleWriters.pop() ?? new EventBatchWriter();
  readonly #accepted = new AcceptedTally();
  readonly #homeRegion: string;
  #eventCount = 0;
  /** Set once its carrier has begun to send: nothing may be added. */
  closed = false;

  constructor(options: { lane: Lane; homeRegion: string; openedAtMs: EpochMs; id: string }) {
    this.lane = options.lane;
    this.openedAtMs = options.openedAtMs;
    this.id = options.id;
    this.#homeRegion = options.homeRegion;
  }

  get eventCount(): number {
    return this.#eventCount;
  }

  get isFull(): boolean {
    const writer = this.#unfinished();
    return writer.partsLength >= FULL_BATCH_BYTES || writer.isFull;
  }

  add(event: DraftEvent): void {
    const writer = this.#unfinished();
    event.ad = writer.adIndex(event.terms);
    writer.add(event);
    this.#accepted.add(event.receivedAtMs);
    this.#eventCount++;
  }

  /** The batch's bytes, its accepted events tallied, `rejections` riding along. To be called once; nothing may be added afterwards. */
  finish(rejections: readonly EdgeTally[]): Uint8Array {
    const writer = this.#unfinished();
    for (const row of this.#accepted.rows(this.#homeRegion)) writer.tally(row);
    for (const row of rejections) writer.tally(row);
    const bytes = writer.finish();
    this.#writer = null;
    if (idleWriters.length < MAX_IDLE_WRITERS) {
      writer.clear();
      idleWriters.push(writer);
    }
    return bytes;
  }

  #unfinished(): EventBatchWriter {
    assert(this.#writer !== null, 'a finished batch takes nothing more');
    return this.#writer;
  }
}

/** A batch without events: what this edge refused, told to the shard that keeps its books. */
export function talliesOnly(rows: readonly EdgeTally[]): Uint8Array {
  const writer = new EventBatchWriter();
  for (const row of rows) writer.tally(row);
  return writer.finish();
}
