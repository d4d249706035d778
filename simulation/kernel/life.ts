import type { Scheduler } from './scheduler.ts';

/**
 * One life of a process. When it ends, whatever it awaits never comes, so its code stops where it stands: at any await. What is on the wire
 * by then goes on by itself.
 */
export class Life {
  readonly name: string;
  readonly #scheduler: Scheduler;
  readonly #lasts: ((() => void))[] = [];
  #isAlive = true;

  constructor(name: string, scheduler: Scheduler) {
    this.name = name;
    this.#scheduler = scheduler;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  end(): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    for (const last of this.#lasts) last();
  }

  /** Called when this life ends. */
  onEnd(last: () => void): void {
    this.#lasts.push(last);
  }

  /** Resolves after `delayMs`, unless this life has ended by then. */
  sleep(delayMs: number, what = 'sleep'): Promise<void> {
    return new Promise((resolve) => {
      this.#scheduler.after(delayMs, `${this.name} ${what}`, () => {
        if (this.#isAlive) resolve();
      });
    });
  }

  /** The same outcome, or none at all once this life has ended. */
  hear<Result>(outcome: Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      outcome.then(
        (result) => this.#isAlive && resolve(result),
        (cause: unknown) => this.#isAlive && reject(cause),
      );
    });
  }
}
