import { FRAME_PARTS, LOG_PARTS } from '../../durable-objects/places.ts';
import type { LogRecord } from '../../regional-hub/log/delta-log.ts';
import { TOPICS } from '../../regional-hub/log/delta-log.ts';
import type { RefusedFrame } from '../../regional-hub/sink/sink-deps.ts';
import type { RangeId } from '../../regional-hub/sink/sink-store.ts';
import { decodeCommit } from '../../schemas/wire/commit.ts';
import { EventBatchReader } from '../../schemas/wire/event-batch.ts';
import { decodeDeltasRecord, decodeRawRecord } from '../../schemas/wire/log-record.ts';
import type { DiskReader } from '../engines/disk.ts';
import type { Row } from '../engines/native-block.ts';
import type { Rollups } from '../engines/rollups.ts';
import { LANDING_URL } from '../hosts/catalogue.ts';
import type { Probes } from '../probes.ts';
import type { Setting } from '../setting.ts';
import type { Attempt, ClientReply, ClientRequest } from '../truth.ts';
import { FollowerWatch } from './follower-watch.ts';
import { FrameWatch } from './frame-watch.ts';
import { StoreWatch } from './store-watch.ts';

/** A shard as its disk told it last; `markers` by row. */
type SeenShard = { lastRow: number; sealed: ReadonlySet<number>; epoch: number; readonly markers: string[][] };

/** Sees everything that becomes durable, is sent, stored or replied, as it happens, and says when it must not be. */
export class Watch {
  readonly #setting: Setting;
  readonly #shards = new Map<string, SeenShard>();
  readonly #frames: FrameWatch;
  readonly #store: StoreWatch;
  readonly #follower: FollowerWatch;
  readonly #handOvers = new Set<string>();
  /** By queue, the last number seen. */
  readonly #spills = new Map<string, number>();

  constructor(setting: Setting) {
    this.#setting = setting;
    this.#frames = new FrameWatch(setting.verdict);
    this.#store = new StoreWatch(setting, this.#frames);
    this.#follower = new FollowerWatch(setting);
  }

  get probes(): Probes {
    return this.#setting.probes;
  }

  get frames(): FrameWatch {
    return this.#frames;
  }

  /** An assertion broke, or something was thrown away that nobody harmed. */
  broken(who: string, what: string, cause: unknown): void {
    if (String(cause).includes('injected')) return;
    this.#setting.verdict.fail('no assertion breaks', `${who}: ${what}: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`);
  }

  sinkFailed(error: unknown): void {
    const text = String(error);
    if (text.includes('injected') || text.includes('lease_lost') || text.includes('another owner') || text.includes('lost while') || text.includes('lease ended')) return;
    this.broken('sink', 'a range failed', error);
  }

  /** A shard's disk has changed: rows follow one another, frames follow one another, and nothing goes that no log has. */
  shardStored(shard: string, rows: DiskReader): void {
    const { verdict, truth } = this.#setting;
    const epoch = metaOf(rows, 'epoch');
    if (epoch === undefined) return;
    let seen = this.#shards.get(shard);
    if (seen === undefined) this.#shards.set(shard, (seen = { lastRow: 0, sealed: new Set(), epoch, markers: [] }));
    if (seen.epoch !== epoch) {
      verdict.check(epoch > seen.epoch && truth.resetShards.has(shard), 'no lower epoch after a higher', () => `${shard} went from epoch ${seen.epoch} to ${epoch}`);
      this.probes.sometimes('a reset shard took a later epoch by itself');
      seen.epoch = epoch;
    }
    for (const { row, bytes } of commitsAfter(rows, seen.lastRow)) {
      verdict.check(row === seen.lastRow + 1, 'rows follow one another', () => `${shard} has row ${row} after ${seen.lastRow}`);
      seen.lastRow = row;
      const { batch } = decodeCommit(bytes);
      const markers = markersIn(batch);
      for (const marker of markers) add(truth.durable, marker);
      seen.markers.push(markers);
    }
    const sealed = new Set(rows<{ seq: number }>(`SELECT DISTINCT place / ${FRAME_PARTS} AS seq FROM sealed ORDER BY seq`).map(({ seq }) => seq));
    const inOrder = [...sealed];
    verdict.check(inOrder.every((seq, i) => i === 0 || seq === inOrder[i - 1]! + 1), 'no gap in seq', () => `${shard} holds frames ${inOrder.join(' ')}`);
    for (const seq of seen.sealed) {
      if (!sealed.has(seq)) verdict.check(this.#frames.isInLog(shard, epoch, seq), 'nothing unacknowledged is deleted', () => `${shard} forgot frame ${seq}, which no log has`);
    }
    seen.sealed = sealed;
    if ((metaOf(rows, 'checkpointRow') ?? 0) > 0) this.probes.sometimes('memory was checkpointed');
  }

  /** What a spill queue has taken it brings to its shard. */
  spillStored(queue: string, rows: DiskReader): void {
    const seen = this.#spills.get(queue) ?? 0;
    for (const { seq, bytes } of rows<{ seq: number; bytes: Uint8Array }>('SELECT seq, bytes FROM spilled WHERE seq > ? ORDER BY seq', seen)) {
      this.#spills.set(queue, seq);
      const batch = new EventBatchReader(bytes);
      for (const marker of markersIn(batch)) add(this.#setting.truth.held, marker);
    }
  }

  /** A shard's storage is about to be lost: what is in no log by now is nobody's fault. */
  forgive(shard: string, rows: DiskReader): void {
    const { truth } = this.#setting;
    const firstRow = rows<{ row: number }>('SELECT first_row AS row FROM sealed ORDER BY place LIMIT 1')[0]?.row ?? (metaOf(rows, 'sealedRow') ?? 0) + 1;
    for (const marker of this.#shards.get(shard)?.markers.slice(firstRow - 1).flat() ?? []) truth.forgiven.add(marker);
    this.#shards.delete(shard);
  }

  /** A shard is about to record a batch that an edge sent. */
  recording<Result>(batch: Uint8Array, record: () => Result): Result {
    for (const marker of markersIn(new EventBatchReader(batch))) add(this.#setting.truth.recorded, marker);
    return record();
  }

  sent(frame: Uint8Array): void {
    this.#frames.sent(frame);
  }

  flushed(outcome: string): void {
    if (outcome === 'repeated') this.probes.sometimes('a frame was sent again');
  }

  appended(record: LogRecord): void {
    const { header, digest } = record.topic === TOPICS.deltas ? decodeDeltasRecord(record.value) : decodeRawRecord(record.value);
    this.#frames.appended(record.topic, header, digest);
  }

  stored(table: string, rows: readonly Row[], rollups: Rollups): void {
    this.#store.stored(table, rows, rollups);
    this.#follower.stored(table, rows);
  }

  overdue(range: RangeId, landedAtMs: number): void {
    this.#follower.noted(range, landedAtMs);
  }

  /** What can only be told once nothing is under way. */
  checkAtRest(): void {
    this.#follower.checkAtRest();
  }

  /** The sink passed a frame over and says that numbers are missing: only a forged one or one of an earlier life may be. */
  halted(frame: RefusedFrame): void {
    const isForged = this.#frames.isForged(frame.digest);
    const isOld = frame.verdict === 'stale_epoch' && this.#frames.isOfEarlierLife(frame.shard, frame.epoch);
    this.#setting.verdict.check(isForged || isOld, 'no frame is refused', () => `${frame.verdict} ${frame.topic} ${frame.shard} ${frame.epoch}/${frame.seq}`);
  }

  handedOver(queue: string, seq: number, batch: Uint8Array): void {
    const name = `${queue} ${seq}`;
    if (!this.#handOvers.has(name) && markersIn(new EventBatchReader(batch)).every((marker) => this.#setting.truth.durable.has(marker))) this.probes.sometimes('a spilled batch had been recorded unheard');
    if (this.#handOvers.has(name)) this.probes.sometimes('a spilled batch was handed over twice');
    this.#handOvers.add(name);
  }

  /** An edge has answered: what it acknowledges must be durable now, and nobody is led astray. */
  replied({ isolate, attempt, request, reply }: { isolate: string; attempt: Attempt; request: ClientRequest; reply: ClientReply }): void {
    const { verdict, truth } = this.#setting;
    this.#setting.scheduler.note(`${isolate} replies ${reply.status} to ${attempt.number}`);
    verdict.check(reply.status !== 500, 'no assertion breaks', () => `${isolate} answered 500 to ${request.method} ${request.path}`);
    if (reply.status === 503) this.probes.sometimes('an edge answered 503');
    if (reply.status === 503 && reply.body.includes('has not heard')) this.probes.sometimes('an edge out of touch refused what rests on news');
    if (attempt.manner === 'none') {
      if (attempt.events.length === 0 && request.path.startsWith('/v1/c/')) verdict.check(reply.status === 404 || reply.status === 503, 'a token that we did not sign leads nowhere', () => `${reply.status} to ${reply.location}`);
      return;
    }
    if (reply.status === 302) verdict.check(reply.location === LANDING_URL, 'a redirect leads to the registered landing page', () => reply.location);
    if (attempt.manner === 'promised') {
      verdict.check(reply.status < 400 || reply.status === 503, 'no valid token is refused', () => `${reply.status} ${reply.body}`);
      if (reply.status < 400) truth.promised(isolate, attempt);
      return;
    }
    if (reply.status !== 202 && reply.status !== 409) {
      verdict.check(reply.status === 503, 'no valid event is refused', () => `${reply.status} ${reply.body}`);
      return;
    }
    attempt.acknowledgements++;
    for (const { marker } of attempt.events) {
      verdict.check((truth.durable.get(marker) ?? 0) > 0, 'a 202 is durable', () => `${marker} was acknowledged by ${isolate} and is on no disk`);
    }
  }
}

/** What a row was sent as; it travels in a field that the sender may fill. */
export function markerOf(detail: { readonly bidRequestId: string; readonly referrer: string }): string {
  return detail.bidRequestId || detail.referrer.slice(detail.referrer.lastIndexOf('/') + 1);
}

function markersIn(batch: EventBatchReader): string[] {
  return Array.from({ length: batch.eventCount }, (_, i) => markerOf(batch.detail(i)));
}

function add(counts: Map<string, number>, marker: string): void {
  counts.set(marker, (counts.get(marker) ?? 0) + 1);
}

function metaOf(rows: DiskReader, key: string): number | undefined {
  const found = rows<{ value: string }>('SELECT value FROM meta WHERE key = ?', key)[0];
  return found === undefined ? undefined : Number(JSON.parse(found.value));
}

function commitsAfter(rows: DiskReader, row: number): { row: number; bytes: Uint8Array }[] {
  return rows<{ row: number; bytes: Uint8Array }>(`SELECT place / ${LOG_PARTS} AS row, bytes FROM log WHERE place >= ? ORDER BY place`, (row + 1) * LOG_PARTS);
}
