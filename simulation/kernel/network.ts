import type { Faults } from '../faults.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';

export type Route = { readonly from: string; readonly to: string; readonly what: string };

/** What a caller hears when a connection breaks; it says nothing about what the other side has done. */
export class ConnectionLost extends Error {}

/**
 * Carries requests and replies between sites, badly: late, lost on either way, out of order, twice where the medium may repeat,
 * and not at all one way between two sites that are cut off.
 */
export class Network {
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #faults: Faults;
  /** `from>to` → until when nothing passes. */
  readonly #cuts = new Map<string, number>();
  /** `from>to` → until when everything crawls. */
  readonly #clogs = new Map<string, number>();

  constructor(scheduler: Scheduler, random: Random, faults: Faults) {
    this.#scheduler = scheduler;
    this.#random = random;
    this.#faults = faults;
  }

  cut(from: string, to: string, forMs: number): void {
    this.#cuts.set(`${from}>${to}`, this.#scheduler.nowMs + forMs);
  }

  clog(from: string, to: string, forMs: number): void {
    this.#clogs.set(`${from}>${to}`, this.#scheduler.nowMs + forMs);
  }

  heal(): void {
    this.#cuts.clear();
    this.#clogs.clear();
  }

  /**
   * Takes a request to `serve` and its outcome back. `mayRepeat`: the medium may deliver the request once more, even long after its reply.
   * Lost: the caller hears `ConnectionLost`, or nothing at all.
   */
  request<Result>(route: Route, serve: () => Promise<Result>, mayRepeat = false): Promise<Result> {
    return new Promise((resolve, reject) => {
      const lose = (): void => {
        if (this.#random.chance(0.5)) this.#scheduler.after(this.#random.delayMs(400), `${route.what} broke`, () => reject(new ConnectionLost(route.what)));
      };
      const reply = (settle: () => void): void => {
        const back = { ...route, from: route.to, to: route.from };
        if (this.#isLost(back)) lose();
        else this.#scheduler.after(this.#delayMs(back), `${route.what} <`, settle);
      };
      const arrive = (): void => {
        void serve().then(
          (result) => reply(() => resolve(result)),
          (cause: unknown) => reply(() => reject(cause as Error)),
        );
      };
      if (this.#isLost(route)) lose();
      else this.#scheduler.after(this.#delayMs(route), `${route.what} >`, arrive);
      if (mayRepeat && this.#random.chance(this.#faults.rate('repeat'))) {
        const lateMs = this.#random.chance(0.3) ? this.#random.below(120_000) : this.#random.below(3_000);
        if (!this.#isLost(route)) this.#scheduler.after(this.#delayMs(route) + lateMs, `${route.what} again >`, () => void serve().catch(() => undefined));
      }
    });
  }

  #isLost({ from, to }: Route): boolean {
    const untilMs = this.#cuts.get(`${from}>${to}`) ?? 0;
    return untilMs > this.#scheduler.nowMs || this.#random.chance(this.#faults.rate('loss'));
  }

  #delayMs({ from, to }: Route): number {
    const isClogged = (this.#clogs.get(`${from}>${to}`) ?? 0) > this.#scheduler.nowMs;
    const typicalMs = from === to ? 2 : 30;
    return this.#random.delayMs(isClogged ? typicalMs * 60 : typicalMs);
  }
}
