import type { Faults } from '../faults.ts';
import type { HostClock } from '../kernel/host-clock.ts';
import { Life } from '../kernel/life.ts';
import type { Random } from '../kernel/random.ts';
import type { Scheduler } from '../kernel/scheduler.ts';
import type { Probe } from '../probes.ts';
import { Disk, type DiskBugs, type DiskReader, type DiskSession } from './disk.ts';

/** What an object's code is given for one life. */
export type ObjectContext = {
  readonly name: string;
  readonly life: Life;
  readonly random: Random;
  readonly clock: HostClock;
  readonly session: DiskSession;
  setAlarm(atMs: number): void;
  abort(what: string, cause: unknown): void;
};

/** Code that can live in an object. */
export type ObjectCode = { alarm(): Promise<void> };

export type ObjectsOptions<Code extends ObjectCode> = {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly faults: Faults;
  readonly bugs: DiskBugs;
  /** Machines that objects run on, each with a clock of its own. */
  readonly clocks: readonly HostClock[];
  readonly create: (context: ObjectContext) => Code;
  readonly sometimes: (probe: Probe) => void;
  readonly onDurable: (name: string, rows: DiskReader) => void;
  /** An assertion of the object's broke: a bug. Failures that were injected are not told. */
  readonly onBroken: (name: string, what: string, cause: unknown) => void;
};

/** As the runtime has it: six retries, then an alarm is gone. */
const ALARM_RETRIES_MAX = 6;
const ALARM_RETRY_MS = 2_000;

/** Durable objects of one class, by name: made when somebody calls, evicted without notice, sometimes running beside their own successor. */
export class Objects<Code extends ObjectCode> {
  readonly #options: ObjectsOptions<Code>;
  readonly #slots = new Map<string, Slot<Code>>();

  constructor(options: ObjectsOptions<Code>) {
    this.#options = options;
  }

  get names(): string[] {
    return [...this.#slots.keys()];
  }

  /** Objects whose alarm was given up: nothing wakes them but a call. */
  get exhausted(): string[] {
    return this.names.filter((name) => this.#slot(name).isExhausted);
  }

  /** Runs a call; it settles when everything written by then is durable. */
  call<Result>(name: string, work: (code: Code) => Result): Promise<Result> {
    return this.#slot(name).call(work);
  }

  /** Reads what is durable. */
  read(name: string): DiskReader {
    return this.#slot(name).read;
  }

  evict(name: string): void {
    this.#slot(name).evict();
  }

  /** The next call finds a successor; the present one does not know, for a while. */
  divide(name: string): void {
    this.#slot(name).divide();
  }

  /** The object's storage is gone. */
  reset(name: string): void {
    this.#slots.get(name)?.close();
    this.#slots.set(name, new Slot(name, this.#options));
  }

  #slot(name: string): Slot<Code> {
    let slot = this.#slots.get(name);
    if (slot === undefined) this.#slots.set(name, (slot = new Slot(name, this.#options)));
    return slot;
  }
}

type Instance<Code> = { readonly life: Life; readonly session: DiskSession; readonly code: Code; readonly calls: Set<(cause: Error) => void> };

class Slot<Code extends ObjectCode> {
  readonly #name: string;
  readonly #options: ObjectsOptions<Code>;
  readonly #random: Random;
  readonly #disk: Disk;
  #current: Instance<Code> | null = null;
  #lives = 0;
  #alarmAtMs: number | undefined;
  /** What tells the handler that runs from earlier ones. */
  #alarmRun: object | null = null;
  #isClosed = false;
  isExhausted = false;

  constructor(name: string, options: ObjectsOptions<Code>) {
    this.#name = name;
    this.#options = options;
    this.#random = options.random.fork(`${name} ${options.scheduler.nowMs}`);
    const { scheduler, faults, bugs } = options;
    this.#disk = new Disk({
      name,
      scheduler,
      faults,
      bugs,
      random: this.#random,
      sometimes: options.sometimes,
      onAlarm: (atMs) => this.#plan(atMs, 0),
      onDurable: (rows) => options.onDurable(name, rows),
    });
  }

  get read(): DiskReader {
    return this.#disk.read;
  }

  async call<Result>(work: (code: Code) => Result): Promise<Result> {
    const instance = this.#wake();
    return new Promise<Result>((resolve, reject) => {
      instance.calls.add(reject);
      const settle = (): boolean => instance.life.isAlive && instance.calls.delete(reject);
      try {
        const result = work(instance.code);
        void instance.session.flushed().then(() => settle() && resolve(result));
      } catch (cause) {
        void instance.session.flushed().then(() => settle() && reject(cause));
      }
    });
  }

  evict(): void {
    const instance = this.#current;
    this.#current = null;
    if (instance !== null) this.#end(instance);
  }

  /** Ends it for good: not even its alarm wakes it, nor one that a stale instance leaves undone. */
  close(): void {
    this.#isClosed = true;
    this.evict();
    this.#alarmAtMs = undefined;
  }

  divide(): void {
    const stale = this.#current;
    if (stale === null) return;
    this.#current = null;
    stale.session.fence();
    this.#options.scheduler.after(this.#random.below(60_000), `${this.#name} stale one ends`, () => this.#end(stale));
    void this.call(() => undefined).catch(() => undefined);
  }

  #wake(): Instance<Code> {
    this.#current ??= this.#start();
    return this.#current;
  }

  #start(): Instance<Code> {
    const { scheduler, clocks, create, onBroken } = this.#options;
    const life = new Life(this.#name, scheduler);
    const clock = this.#random.pick(clocks);
    let instance: Instance<Code> | null = null;
    const abort = (what: string, cause: unknown): void => {
      if (!life.isAlive) return;
      if (!String(cause).includes('injected')) onBroken(this.#name, what, cause);
      session.discardTurn();
      life.end();
      if (this.#current === instance) this.#current = null;
      if (instance !== null) this.#end(instance);
    };
    const session = this.#disk.open(life, (cause) => abort('storage failed', cause));
    const setAlarm = (atMs: number): void => session.setAlarm(scheduler.nowMs + Math.max(0, atMs - clock.nowMs()));
    try {
      const code = create({ name: this.#name, life, random: this.#random.fork(`life ${this.#lives++}`), clock, session, setAlarm, abort });
      instance = { life, session, code, calls: new Set() };
      return instance;
    } catch (cause) {
      if (life.isAlive) abort('it could not start', cause);
      throw cause;
    }
  }

  /** Callers of an object that is gone hear of it, or nothing. */
  #end(instance: Instance<Code>): void {
    instance.life.end();
    instance.session.fence();
    for (const reject of instance.calls) {
      if (this.#random.chance(0.6)) this.#options.scheduler.after(this.#random.below(50), `${this.#name} call broke`, () => reject(new Error('the object was reset')));
    }
    instance.calls.clear();
  }

  #plan(atMs: number | undefined, retries: number): void {
    if (this.#isClosed) return;
    this.#alarmAtMs = atMs;
    if (atMs === undefined) return;
    const { scheduler } = this.#options;
    scheduler.after(atMs - scheduler.nowMs, `${this.#name} alarm`, () => {
      if (this.#alarmAtMs === atMs) this.#ring(retries);
    });
  }

  #exhaust(): void {
    this.isExhausted = true;
    this.#options.scheduler.note(`${this.#name} alarm exhausted`);
    this.#options.sometimes('an alarm was lost');
  }

  #ring(retries: number): void {
    const { scheduler, faults } = this.#options;
    if (this.#alarmRun !== null) return this.#plan(scheduler.nowMs + 50, retries);
    this.#alarmAtMs = undefined;
    if (this.#random.chance(faults.rate('alarmLost'))) return this.#exhaust();
    const run = {};
    this.#alarmRun = run;
    // A stale instance that ends may have handled an earlier one.
    const retry = (): void => {
      if (this.#alarmRun !== run) return;
      this.#alarmRun = null;
      if (this.#alarmAtMs !== undefined) return;
      if (retries < ALARM_RETRIES_MAX) this.#plan(scheduler.nowMs + ALARM_RETRY_MS * 2 ** retries, retries + 1);
      else this.#exhaust();
    };
    let instance: Instance<Code>;
    try {
      instance = this.#wake();
    } catch {
      return retry();
    }
    instance.life.onEnd(retry);
    this.#handle(instance, run).catch(retry);
  }

  /** An alarm is done with when its handler is, and all that the handler wrote is durable: until then it would be rung again. */
  async #handle(instance: Instance<Code>, run: object): Promise<void> {
    await instance.code.alarm();
    await instance.session.flushed();
    if (instance.life.isAlive && this.#alarmRun === run) this.#alarmRun = null;
  }
}
