import type { RequestScope } from './ports.ts';
import type { Soon } from './soon.ts';

/** How often a waiter looks for itself where nobody may wake it. */
const POLL_MS = 5;

/**
 * Something that one request finds out and others wait for. workerd ties each promise to the request that made it: one that awaits
 * another's promise is killed when nothing of its own is pending, and what is left waiting on behalf of a request that is over costs a warning
 * each. So every waiter makes its own promise, races it with its own timer, and takes it back when it leaves.
 */
export class Announcement<News> {
  #news: { readonly value: News } | null = null;
  readonly #waiters = new Set<(news: News) => void>();

  /** Tells everybody who waits, and who comes later. The first word stands. */
  announce(news: News): void {
    if (this.#news !== null) return;
    this.#news = { value: news };
    for (const wake of this.#waiters) wake(news);
    this.#waiters.clear();
  }

  /** The news; undefined when there was none within `timeoutMs`. */
  wait(timeoutMs: number, scope: RequestScope): Soon<News | undefined> {
    if (this.#news !== null) return this.#news.value;
    return scope.canBeWoken ? this.#beWoken(timeoutMs, scope) : this.#poll(timeoutMs, scope);
  }

  #beWoken(timeoutMs: number, scope: RequestScope): Promise<News | undefined> {
    const { promise, resolve } = Promise.withResolvers<News | undefined>();
    this.#waiters.add(resolve);
    scope.after(timeoutMs, () => {
      this.#waiters.delete(resolve);
      resolve(undefined);
    });
    return promise;
  }

  async #poll(timeoutMs: number, scope: RequestScope): Promise<News | undefined> {
    const givenUpAtMs = scope.clock.nowMs() + timeoutMs;
    while (this.#news === null && scope.clock.nowMs() < givenUpAtMs) await scope.sleep(POLL_MS);
    return this.#news?.value;
  }
}
