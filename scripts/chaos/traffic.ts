import { setTimeout as sleep } from 'node:timers/promises';
import type { ReadyFile } from '../../local/testing/running-network.ts';
import { chaosAds, PAGE_CAMPAIGN, REPORTED_CAMPAIGN } from './ad-names.ts';
import { browse, reportBatch, reportOne, type AnswerCounts, type Client } from './errands.ts';
import { Ledger } from './ledger.ts';

const BATCH_EVENTS = 25;
const TICK_MS = 50;
/** Shares of the rate: batches of servers, single reports, people before pages (two events each). */
const SHARES = { batched: 0.7, single: 0.12, browsed: 0.18 };
/** Errands under way at once; past that clients come later, so that a long outage does not bury the machine. */
const MAX_ERRANDS = 600;
/** How long clients go on trying after the last of them has come. */
const HOMECOMING_MS = 120_000;

/** Several kinds of clients at a steady rate through every POP's public doors, and their exact books. */
export class Traffic {
  readonly ledger = new Ledger();
  readonly answers: AnswerCounts = new Map();
  readonly #client: Client;
  readonly #givenUp = new AbortController();
  readonly #errands = new Set<Promise<void>>();
  readonly #perSecond: number;
  readonly #timer: NodeJS.Timeout;
  #lastTickMs = performance.now();
  readonly #due = { batched: 0, single: 0, browsed: 0 };
  #failure: unknown = null;

  constructor(options: { info: () => ReadyFile; publisherKey: string; eventsPerSecond: number }) {
    const regions = Object.keys(options.info().edgeUrls);
    const ads = { reportedAds: chaosAds(REPORTED_CAMPAIGN, regions), pageAds: chaosAds(PAGE_CAMPAIGN, regions) };
    const { ledger, answers } = this;
    this.#client = { info: options.info, publisherKey: options.publisherKey, ledger, answers, ...ads, givenUp: this.#givenUp.signal };
    this.#perSecond = options.eventsPerSecond;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** No new errands; resolves when all are done, or when clients have tried long enough. Throws when one was answered in a way that no fault explains. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    const timer = setTimeout(() => this.#givenUp.abort(), HOMECOMING_MS);
    while (this.#errands.size > 0) await Promise.race([...this.#errands, sleep(1_000)]);
    clearTimeout(timer);
    if (this.#failure !== null) throw this.#failure;
  }

  #tick(): void {
    const nowMs = performance.now();
    const seconds = (nowMs - this.#lastTickMs) / 1_000;
    this.#lastTickMs = nowMs;
    if (this.#errands.size >= MAX_ERRANDS) return;
    const events = this.#perSecond * seconds;
    this.#come('batched', (events * SHARES.batched) / BATCH_EVENTS, () => reportBatch(this.#client, BATCH_EVENTS));
    this.#come('single', events * SHARES.single, () => reportOne(this.#client));
    this.#come('browsed', (events * SHARES.browsed) / 2, () => browse(this.#client));
  }

  #come(kind: keyof typeof SHARES, errands: number, run: () => Promise<void>): void {
    this.#due[kind] += errands;
    for (; this.#due[kind] >= 1; this.#due[kind]--) {
      const errand: Promise<void> = run()
        .catch((error: unknown) => {
          this.#failure ??= error;
        })
        .finally(() => this.#errands.delete(errand));
      this.#errands.add(errand);
    }
  }
}
