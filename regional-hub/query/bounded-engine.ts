import { RequestError } from '../http/request-error.ts';
import type { Statement } from './builder.ts';
import type { EngineRow, QueryEngine } from './engine.ts';

/** Statements of readers at a time: fewer than the store has sessions, so that the sink always finds one. */
export const QUERIES_RUNNING_MAX = 2;
/** Readers that may wait their turn; beyond, 503 at once is kinder than a long queue. */
export const QUERIES_WAITING_MAX = 64;

/** Lets only so many statements through at a time. At the limit a reader waits; past the queue's end it gets `RequestError` 503. */
export class BoundedEngine implements QueryEngine {
  readonly #engine: QueryEngine;
  readonly #limits: { readonly running: number; readonly waiting: number };
  readonly #queue: (() => void)[] = [];
  #running = 0;

  constructor(engine: QueryEngine, limits = { running: QUERIES_RUNNING_MAX, waiting: QUERIES_WAITING_MAX }) {
    this.#engine = engine;
    this.#limits = limits;
  }

  async rows(statement: Statement): Promise<readonly EngineRow[]> {
    await this.#enter();
    try {
      return await this.#engine.rows(statement);
    } finally {
      this.#leave();
    }
  }

  #enter(): Promise<void> | void {
    if (this.#running < this.#limits.running) {
      this.#running += 1;
      return;
    }
    if (this.#queue.length >= this.#limits.waiting) throw new RequestError(503, 'overloaded', 'too many queries at once; try again shortly');
    return new Promise((resolve) => this.#queue.push(resolve));
  }

  #leave(): void {
    const next = this.#queue.shift();
    // The one that waits takes the place over: `#running` stays.
    if (next === undefined) this.#running -= 1;
    else next();
  }
}
