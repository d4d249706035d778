import { randomBytes } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { EVENT_FLAGS, EVENT_KINDS } from '../../core/event.ts';
import { createKeyHasher, type KeyHasher } from '../../core/hash.ts';
import { atomically, nodeSql } from '../../durable-objects/node-sql.ts';
import type { FrameDraft } from '../../durable-objects/shard-outbox.ts';
import { shardPlace } from '../../durable-objects/shard-place.ts';
import { Shard } from '../../durable-objects/shard.ts';
import { adTerms } from '../../schemas/testing/ad-terms.ts';
import { EventBatchWriter } from '../../schemas/wire/event-batch.ts';
import { BROWSER } from '../load/wrk.ts';

const COUNTRIES = ['US', 'DE', 'JP', 'BR', 'IN', 'FR', 'GB', 'CA'];
const DEVICES = ['desktop', 'mobile', 'mobile', 'tablet'] as const;

/** Traffic to make batches of: `clickShare` of the events are clicks on impressions that came before them. */
export type Traffic = { readonly ads: number; readonly viewers: number; readonly clickShare: number; readonly startMs: number };

/** Writes batches as an edge would; no two events are one. */
export class BatchMaker {
  readonly #hasher: KeyHasher;
  readonly #traffic: Traffic;
  #made = 0;

  private constructor(hasher: KeyHasher, traffic: Traffic) {
    this.#hasher = hasher;
    this.#traffic = traffic;
  }

  static async create(traffic: Traffic): Promise<BatchMaker> {
    return new BatchMaker(await createKeyHasher(7n), traffic);
  }

  /** `count` events received at `atMs` after the traffic's start. */
  batch(count: number, atMs: number): Uint8Array {
    const writer = new EventBatchWriter();
    const timeMs = this.#traffic.startMs + atMs;
    const random = randomBytes(count * 20);
    let lastImpression = '';
    for (let i = 0; i < count; i++) {
      const isClick = lastImpression !== '' && random[i * 20 + 16]! < this.#traffic.clickShare * 256;
      const nonce = isClick ? lastImpression : random.subarray(i * 20, i * 20 + 16).toString('base64url');
      lastImpression = isClick ? '' : nonce;
      const choice = isClick ? this.#made - 1 : this.#made++;
      this.#add(writer, { nonce, choice, timeMs, isClick });
    }
    writer.tally({ region: 'us', receivedSecond: Math.floor(timeMs / 1_000), rejection: '', count });
    return writer.finish();
  }

  #add(writer: EventBatchWriter, event: { nonce: string; choice: number; timeMs: number; isClick: boolean }): void {
    const { nonce, choice, timeMs, isClick } = event;
    const kind = isClick ? EVENT_KINDS.click : EVENT_KINDS.impression;
    // An odd multiplier walks ads and viewers in no order that would help a cache.
    const spread = Math.imul(choice, 0x9e3779b1) >>> 0;
    const adId = `ad-${spread % this.#traffic.ads}`;
    writer.add({
      kind,
      flags: EVENT_FLAGS.tokenBound,
      eventTimeMs: timeMs,
      receivedAtMs: timeMs,
      id: this.#hasher.id(kind, adId, nonce),
      viewer: this.#hasher.viewer(`u/${(spread >>> 8) % this.#traffic.viewers}`),
      join: this.#hasher.join(adId, nonce),
      screenedReason: 0,
      reasonMask: 0,
      ad: writer.adIndex(adTerms(adId)),
      eventId: nonce,
      publisherId: `pub-${spread % 7}`,
      placementId: `slot-${spread % 3}`,
      creativeId: '',
      country: COUNTRIES[(spread >>> 5) % COUNTRIES.length]!,
      deviceType: DEVICES[(spread >>> 9) % DEVICES.length]!,
      detail: {
        impressionId: nonce,
        clickId: isClick ? nonce : '',
        referrer: '',
        userAgent: BROWSER,
        ipPrefix: `203.0.${spread % 100}.0/24`,
        bidRequestId: '',
        valueMicros: 0,
        currency: '',
        pop: 'us',
        claimedTimeMs: timeMs,
      },
    });
  }
}

/** A frame before and after compression. */
export type MadeFrame = { readonly draft: FrameDraft; readonly bytes: Uint8Array };

/** The real shard over Node's SQLite in memory: everything but the runtime around it. */
export class ShardBed {
  readonly shard: Shard;
  readonly #database = new DatabaseSync(':memory:');

  constructor(name: string, startMs: number) {
    this.shard = atomically(this.#database, () => new Shard({ sql: nodeSql(this.#database), place: shardPlace(name), nowMs: startMs }));
  }

  /** One commit, a checkpoint when one is due. */
  record(batch: Uint8Array, nowMs: number): void {
    const opened = this.shard.open(batch);
    atomically(this.#database, () => this.shard.record(opened, nowMs));
  }

  /** Frames that are full or due, sealed and acknowledged at once. */
  flush(nowMs: number): MadeFrame[] {
    const frames: MadeFrame[] = [];
    while (this.shard.outbox.plan(nowMs).kind === 'seal') {
      const draft = this.shard.outbox.draftFrame(nowMs);
      let bytes: Uint8Array = new Uint8Array();
      atomically(this.#database, () => {
        this.shard.outbox.seal(draft);
        bytes = this.shard.outbox.frameInFlight();
        this.shard.outbox.acknowledge({ epoch: draft.header.epoch, ackedSeq: draft.header.seq, policy: this.shard.outbox.policy });
      });
      frames.push({ draft, bytes });
    }
    return frames;
  }

  /** Rows inserted, updated or deleted so far. */
  totalChanges(): number {
    return Number((this.#database.prepare('SELECT total_changes() AS changes').get() as { changes: number }).changes);
  }

  close(): void {
    this.#database.close();
  }
}
