import { drainPending, Session, type ChdbResult } from 'chdb';
import { TrackingError } from '../../core/errors.ts';

/** Some settings that hold for every statement of every session, as SQL literals. */
export type EngineDefaults = ReadonlyMap<string, string>;

/** A session runs one statement at a time. */
export type EngineSession = {
  /** `format` holds where the statement names none. */
  run(sql: string, format?: string): Promise<ChdbResult>;
  /** Parameters that were ever set here; the engine cannot unset them. */
  readonly staleParams: Set<string>;
  close(): void;
};

export type SessionPoolOptions = {
  readonly path: string;
  readonly sessions: number;
  /** How many statements may wait for a session; beyond, `overloaded`. */
  readonly maxWaiting: number;
  readonly engineArgs: readonly string[];
  readonly defaults: EngineDefaults;
};

type Waiter = { readonly give: (session: EngineSession) => void; readonly refuse: (reason: unknown) => void };

/**
 * Sessions over one data folder, and one apart that only kills. The engine wants one process and one thread, and one libuv worker for each
 * statement that runs: `UV_THREADPOOL_SIZE` must exceed the number of sessions (16 is good), or files and zlib wait behind queries.
 */
export class ChdbSessionPool {
  readonly #options: SessionPoolOptions;
  readonly #sessions = new Set<EngineSession>();
  readonly #idle: EngineSession[] = [];
  readonly #waiting: Waiter[] = [];
  readonly #killer: EngineSession;
  #closed = false;

  constructor(options: SessionPoolOptions) {
    this.#options = options;
    this.#killer = this.#open();
    for (let i = 0; i < options.sessions; i += 1) this.#idle.push(this.#open());
  }

  /** A session of one's own until `release`; rejects with the signal's reason if it aborts first. */
  acquire(signal: AbortSignal | undefined): Promise<EngineSession> {
    if (this.#closed) return Promise.reject(closedError());
    const session = this.#idle.pop();
    if (session !== undefined) return Promise.resolve(session);
    if (this.#waiting.length >= this.#options.maxWaiting) {
      return Promise.reject(new TrackingError('overloaded', `${this.#waiting.length} statements wait for the engine`));
    }
    return this.#wait(signal);
  }

  release(session: EngineSession): void {
    const waiter = this.#waiting.shift();
    if (waiter === undefined) this.#idle.push(session);
    else waiter.give(session);
  }

  /** Puts a fresh session in the place of one that cannot be trusted any more. */
  retire(session: EngineSession): void {
    this.#sessions.delete(session);
    session.close();
    if (!this.#closed) this.release(this.#open());
  }

  /** Stops the statement that begins with the comment `tag`; it then fails where it runs. */
  async kill(tag: string): Promise<void> {
    await this.#killer.run(`KILL QUERY WHERE startsWith(query, '/*${tag}*/') ASYNC`).catch(() => undefined);
  }

  /** Refuses what waits, lets what runs end, and gives the data folder free. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const waiter of this.#waiting.splice(0)) waiter.refuse(closedError());
    await drainPending();
    for (const session of this.#sessions) session.close();
    await drainPending();
  }

  #wait(signal: AbortSignal | undefined): Promise<EngineSession> {
    return new Promise((resolve, reject) => {
      const leave = (): void => signal?.removeEventListener('abort', onAbort);
      const waiter: Waiter = {
        give: (session) => (leave(), resolve(session)),
        refuse: (reason) => (leave(), reject(reason)),
      };
      const onAbort = (): void => {
        const place = this.#waiting.indexOf(waiter);
        if (place >= 0) this.#waiting.splice(place, 1);
        waiter.refuse(signal?.reason);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(waiter);
    });
  }

  #open(): EngineSession {
    const { path, engineArgs, defaults } = this.#options;
    const native = new Session(path, { connectionArgs: engineArgs });
    if (defaults.size > 0) native.query(`SET ${assignments(defaults)}`);
    const session: EngineSession = {
      run: (sql, format = 'TabSeparated') => native.queryAsync(sql, { format }),
      staleParams: new Set<string>(),
      close: () => native.close(),
    };
    this.#sessions.add(session);
    return session;
  }
}

/** `a = 1, b = 'x'`, as `SET` wants it. */
export function assignments(literals: ReadonlyMap<string, string>): string {
  return [...literals].map(([name, literal]) => `${name} = ${literal}`).join(', ');
}

function closedError(): TrackingError {
  return new TrackingError('unavailable', 'the engine is closed');
}
