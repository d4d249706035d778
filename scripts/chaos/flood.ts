import { setTimeout as sleep } from 'node:timers/promises';
import { PUBLISHER } from './ad-names.ts';
import { ask } from './http.ts';
import type { EventName, Ledger } from './ledger.ts';
import type { Stage } from './stage.ts';

/** As many as a body may hold: this machine has to offer several times what it can take. */
const BATCH_EVENTS = 1_000;
const TICK_MS = 10;
/** Attempts under way at once; a real crowd has no such bound, this machine has. */
const MAX_UNDER_WAY = 4_000;
const PATIENCE_MS = 30_000;

type Batch = { readonly names: readonly EventName[]; readonly body: string };

/** How the attempts of a flood ended. */
export type FloodCounts = { offeredEvents: number; acknowledgedEvents: number; shed: number; shedWithoutRetryAfter: number; unanswered: number; other: number };

/**
 * More events than the network can take: batches offered at a given rate, whatever comes back. A batch that was shed is offered again later, with the same
 * ids, so in the end every one is acknowledged.
 */
export class Flood {
  readonly #stage: Stage;
  readonly #ledger: Ledger;
  readonly #adIds: readonly string[];
  readonly #waiting: Batch[] = [];
  readonly #underWay = new Set<Promise<void>>();
  #made = 0;
  #counts = noCounts();

  constructor(stage: Stage, ledger: Ledger, adIds: readonly string[]) {
    this.#stage = stage;
    this.#ledger = ledger;
    this.#adIds = adIds;
  }

  /** What the network takes when each of `senders` waits for its answer before it sends again: events a second. */
  async capacity(senders: number, forMs: number): Promise<number> {
    this.#counts = noCounts();
    const untilMs = performance.now() + forMs;
    const sender = async (): Promise<void> => {
      while (performance.now() < untilMs) await this.#offer();
    };
    await Promise.all(Array.from({ length: senders }, sender));
    return this.#counts.acknowledgedEvents / (forMs / 1_000);
  }

  /** Makes so many events that wait to be offered: what is made meanwhile takes the time to offer it. */
  prepare(events: number): void {
    while (this.#waiting.length * BATCH_EVENTS < events) this.#waiting.push(this.#newBatch());
  }

  /** Offers so many events a second, whether or not they are answered. */
  async offer(eventsPerSecond: number, forMs: number): Promise<FloodCounts> {
    this.#counts = noCounts();
    const beganAtMs = performance.now();
    for (let offered = 0; performance.now() - beganAtMs < forMs; ) {
      const due = ((performance.now() - beganAtMs) / 1_000) * eventsPerSecond;
      for (; offered < due && this.#underWay.size < MAX_UNDER_WAY; offered += BATCH_EVENTS) this.#start();
      await sleep(TICK_MS);
    }
    return { ...this.#counts };
  }

  /** Sends again, gently, until everything was acknowledged. */
  async subside(withinMs: number): Promise<void> {
    const deadlineMs = performance.now() + withinMs;
    await Promise.all(this.#underWay);
    while (this.#waiting.length > 0 && performance.now() < deadlineMs) await this.#offer();
  }

  #start(): void {
    const attempt: Promise<void> = this.#offer().finally(() => this.#underWay.delete(attempt));
    this.#underWay.add(attempt);
  }

  async #offer(): Promise<void> {
    const batch = this.#waiting.shift() ?? this.#newBatch();
    const { info } = this.#stage;
    const pops = Object.values(info.edgeUrls);
    const counts = this.#counts;
    counts.offeredEvents += BATCH_EVENTS;
    const headers = { authorization: `Bearer ${info.keys.ingest}`, 'content-type': 'application/json' };
    const answer = await ask(`${pops[this.#made % pops.length]}/v1/events`, { method: 'POST', headers, body: batch.body, patienceMs: PATIENCE_MS });
    if (answer.kind === 'answer' && answer.status === 202) {
      counts.acknowledgedEvents += BATCH_EVENTS;
      for (const name of batch.names) this.#ledger.answer(name, 'acknowledged');
      return;
    }
    this.#waiting.push(batch);
    if (answer.kind === 'none') counts.unanswered++;
    else if (answer.status !== 503) counts.other++;
    else {
      counts.shed++;
      if (answer.retryAfterMs === 0) counts.shedWithoutRetryAfter++;
    }
  }

  /** All of one ad, as a server reports what it showed: one shard a batch. */
  #newBatch(): Batch {
    const adId = this.#adIds[this.#made % this.#adIds.length] as string;
    const number = this.#made++;
    const names = Array.from({ length: BATCH_EVENTS }, (_, index): EventName => ({ kind: 'impression', adId, id: `flood-${number}-${index}` }));
    for (const name of names) this.#ledger.send(name);
    const timestampMs = Date.now();
    const events = names.map(({ kind, id }) => ({ eventType: kind, eventId: id, adId, publisherId: PUBLISHER, timestampMs, userPseudoId: id }));
    return { names, body: JSON.stringify({ events }) };
  }
}

function noCounts(): FloodCounts {
  return { offeredEvents: 0, acknowledgedEvents: 0, shed: 0, shedWithoutRetryAfter: 0, unanswered: 0, other: 0 };
}
