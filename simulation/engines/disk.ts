import Database from 'better-sqlite3';
import type { SqlPort, SqlRow, SqlValue } from '../../durable-objects/sql-port.ts';
import type { Faults } from '../faults.ts';
import type { Life } from '../kernel/life.ts';
import type { Random } from '../kernel/random.ts';
import type { Scheduler } from '../kernel/scheduler.ts';
import type { Probe } from '../probes.ts';

type Write = { readonly query: string; readonly bindings: readonly SqlValue[] };
/** What one turn of an object wrote: all of it becomes durable, or nothing. `alarmAtMs`: true time; undefined leaves the alarm alone. */
type Turn = { readonly writes: Write[]; alarmAtMs: number | undefined };

/** Bugs of the engine itself, planted to see whether anybody notices. */
export type DiskBugs = { readonly openGate?: boolean; readonly tornTurns?: boolean };

export type DiskOptions = {
  readonly name: string;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly faults: Faults;
  readonly bugs: DiskBugs;
  readonly sometimes: (probe: Probe) => void;
  readonly onAlarm: (atMs: number | undefined) => void;
  /** Looks at what has just become durable. */
  readonly onDurable: (rows: DiskReader) => void;
};

/** Asks the durable state. */
export type DiskReader = <Row extends SqlRow>(query: string, ...bindings: SqlValue[]) => Row[];

/**
 * One object's storage: what is durable, and per life of the object a live copy that runs ahead of it. A turn's writes become durable together,
 * in order, some time later; a life that ends loses some end of those that had not.
 */
export class Disk {
  readonly #options: DiskOptions;
  readonly #durable = new SqliteFile();
  #session: DiskSession | null = null;

  constructor(options: DiskOptions) {
    this.#options = options;
  }

  /** A new life's view; whoever had one before can make nothing durable any more. */
  open(life: Life, onFailure: (cause: unknown) => void): DiskSession {
    this.#session?.fence();
    const kept = this.#session?.isClean === true ? this.#session.live : undefined;
    this.#session = new DiskSession(this.#options, life, this.#durable, kept ?? this.#durable.copy(), onFailure);
    return this.#session;
  }

  /** Reads what is durable; nothing, before its tables are. */
  read: DiskReader = (query, ...bindings) => this.#durable.ask(query, bindings);
}

/** One life's view of a disk. */
export class DiskSession implements SqlPort {
  readonly live: SqliteFile;
  readonly #options: DiskOptions;
  readonly #life: Life;
  readonly #durable: SqliteFile;
  readonly #onFailure: (cause: unknown) => void;
  readonly #pending: Turn[] = [];
  #turn: Turn | null = null;
  #isFenced = false;
  #gates: { readonly after: number; readonly open: () => void }[] = [];
  #ended = 0;
  #flushed = 0;
  #lastWriteAtMs = 0;

  constructor(options: DiskOptions, life: Life, durable: SqliteFile, live: SqliteFile, onFailure: (cause: unknown) => void) {
    this.#options = options;
    this.#life = life;
    this.#durable = durable;
    this.live = live;
    this.#onFailure = onFailure;
  }

  /** Whether the live copy is what is durable, and nobody else's any more. */
  get isClean(): boolean {
    return !this.#life.isAlive && this.#pending.length === 0 && this.#turn === null && this.#ended === this.#flushed;
  }

  exec<Row extends SqlRow>(query: string, ...bindings: SqlValue[]): Row[] {
    if (!this.#life.isAlive) throw new Error('this object is gone');
    if (query.startsWith('SELECT')) return this.live.all(query, bindings);
    this.#failPerhaps();
    this.#open().writes.push({ query, bindings });
    return this.live.all(query, bindings);
  }

  iterate<Row extends SqlRow>(query: string, ...bindings: SqlValue[]): Iterable<Row> {
    return this.exec<Row>(query, ...bindings);
  }

  setAlarm(atMs: number): void {
    this.#open().alarmAtMs = atMs;
  }

  /** Resolves when everything written so far is durable: the output gate. */
  flushed(): Promise<void> {
    if (this.#options.bugs.openGate === true) return Promise.resolve();
    const after = this.#ended + (this.#turn === null ? 0 : 1);
    if (this.#flushed >= after) return Promise.resolve();
    return new Promise((open) => this.#gates.push({ after, open }));
  }

  /** Throws the turn at hand away: it was never whole. */
  discardTurn(): void {
    this.#turn = null;
    this.#ended++;
  }

  /** From now on nothing of this view becomes durable; some of what was on its way still does. */
  fence(): void {
    if (this.#isFenced) return;
    this.#isFenced = true;
    const surviving = this.#options.random.below(this.#pending.length + 1);
    for (let i = 0; i < surviving; i++) this.#store(this.#pending.shift()!);
    if (this.#pending.length > 0) this.#options.sometimes('an object lost a turn that was not durable');
    if (this.#options.bugs.tornTurns === true && this.#pending.length > 0) this.#tear(this.#pending[0]!);
    this.#gates = [];
  }

  #failPerhaps(): void {
    if (!this.#options.random.chance(this.#options.faults.rate('diskFailure'))) return;
    const cause = new Error('injected: the disk failed');
    this.#onFailure(cause);
    throw cause;
  }

  #open(): Turn {
    if (this.#turn === null) {
      this.#turn = { writes: [], alarmAtMs: undefined };
      queueMicrotask(() => this.#end());
    }
    return this.#turn;
  }

  #end(): void {
    const turn = this.#turn;
    if (turn === null) return;
    this.#turn = null;
    this.#ended++;
    if (this.#isFenced) return;
    this.#pending.push(turn);
    const { random, faults, scheduler, name } = this.#options;
    const delayMs = random.chance(faults.rate('diskStall')) ? random.below(8_000) : random.delayMs(4);
    this.#lastWriteAtMs = Math.max(this.#lastWriteAtMs, scheduler.nowMs + delayMs);
    scheduler.after(this.#lastWriteAtMs - scheduler.nowMs, `${name} durable`, () => this.#flush(turn));
  }

  #flush(turn: Turn): void {
    if (this.#isFenced || this.#pending[0] !== turn) return;
    this.#pending.shift();
    this.#store(turn);
    this.#flushed = this.#ended - this.#pending.length;
    const ready = this.#gates.filter((gate) => gate.after <= this.#flushed);
    this.#gates = this.#gates.filter((gate) => gate.after > this.#flushed);
    for (const gate of ready) gate.open();
  }

  #store(turn: Turn): void {
    this.#durable.atomically(turn.writes);
    if (turn.alarmAtMs !== undefined) this.#options.onAlarm(turn.alarmAtMs);
    this.#options.onDurable((query, ...bindings) => this.#durable.ask(query, bindings));
  }

  #tear(turn: Turn): void {
    this.#durable.atomically(turn.writes.slice(0, this.#options.random.below(turn.writes.length)));
  }
}

/** SQLite in memory. */
class SqliteFile {
  readonly #database: Database.Database;
  readonly #statements = new Map<string, Database.Statement>();

  constructor(image?: Buffer) {
    this.#database = image === undefined ? new Database(':memory:') : new Database(image);
  }

  copy(): SqliteFile {
    return new SqliteFile(this.#database.serialize());
  }

  /** As `all`; no rows where the table does not exist yet. */
  ask<Row extends SqlRow>(query: string, bindings: readonly SqlValue[]): Row[] {
    try {
      return this.all(query, bindings);
    } catch (cause) {
      if (String(cause).includes('no such table')) return [];
      throw cause;
    }
  }

  all<Row extends SqlRow>(query: string, bindings: readonly SqlValue[]): Row[] {
    const statement = this.#prepare(query);
    const values = bindings.map((value) => (value instanceof ArrayBuffer ? new Uint8Array(value) : value));
    if (!statement.reader) {
      statement.run(...values);
      return [];
    }
    return statement.all(...values) as Row[];
  }

  atomically(writes: readonly Write[]): void {
    this.#database.transaction(() => {
      for (const { query, bindings } of writes) this.all(query, bindings);
    })();
  }

  #prepare(query: string): Database.Statement {
    let statement = this.#statements.get(query);
    if (statement === undefined) this.#statements.set(query, (statement = this.#database.prepare(query)));
    return statement;
  }
}
