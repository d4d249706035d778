import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { ChildLog } from './child-log.ts';

export type ChildSpec = {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Opens an IPC channel; the child should end when it closes. */
  readonly ipc?: boolean;
  /** The code with which it ends when its settings are wrong: to start it again would end the same way. */
  readonly hopelessCode?: number;
  /** The file that it writes what it says to, and lines that tell nobody anything; the rest is passed on to our stderr. Without it, it shares ours. */
  readonly log?: { readonly path: string; readonly mutes: RegExp };
};

/** A child that ran this long was healthy: the next restart is immediate. */
const HEALTHY_MS = 5_000;
const RESTART_MIN_MS = 100;
const RESTART_MAX_MS = 5_000;
/** What a child says is passed on so often. */
const LOG_EVERY_MS = 250;

/**
 * A process that is started again, on the same data, whenever it dies, until `stop`.
 * A child that keeps dying is restarted ever more slowly, up to every 5 s.
 */
export class SupervisedChild {
  readonly #spec: ChildSpec;
  readonly #onStart: (pid: number) => void;
  readonly #report: (line: string) => void;
  readonly #onHopeless: () => void;
  readonly #log: ChildLog | null;
  readonly #logTimer: NodeJS.Timeout;
  #process: ChildProcess | null = null;
  #restart: NodeJS.Timeout | null = null;
  #backoffMs = RESTART_MIN_MS;
  #stopping = false;

  constructor(spec: ChildSpec, options: { onStart: (pid: number) => void; report: (line: string) => void; onHopeless?: () => void }) {
    this.#spec = spec;
    this.#onStart = options.onStart;
    this.#report = options.report;
    this.#onHopeless = options.onHopeless ?? (() => undefined);
    const { log } = spec;
    this.#log = log === undefined ? null : new ChildLog(log.path, (line) => log.mutes.test(line) || process.stderr.write(`${line}\n`));
    this.#logTimer = setInterval(() => this.#log?.passOn(), LOG_EVERY_MS).unref();
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  start(): void {
    const startedAtMs = Date.now();
    const { command, args, env, ipc } = this.#spec;
    const output = this.#log?.fd ?? 'inherit';
    const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', output, output, ...(ipc === true ? (['ipc'] as const) : [])] });
    this.#process = child;
    child.once('error', (error) => this.#report(`${this.#spec.name}: ${error.message}`));
    child.once('spawn', () => this.#onStart(child.pid ?? 0));
    child.once('exit', (code, signal) => this.#onExit(code, signal, Date.now() - startedAtMs));
  }

  /** Asks over IPC where there is a channel, else kills; kills anyway after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    if (this.#restart !== null) clearTimeout(this.#restart);
    clearInterval(this.#logTimer);
    await this.#end(graceMs);
    this.#log?.close();
  }

  async #end(graceMs: number): Promise<void> {
    const child = this.#process;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    if (child.connected) child.send('shutdown');
    else child.kill('SIGKILL');
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
    await exited;
    clearTimeout(timer);
  }

  /** Kills it at once; it is not started again. */
  kill(): void {
    this.#stopping = true;
    if (this.#restart !== null) clearTimeout(this.#restart);
    this.#process?.kill('SIGKILL');
  }

  #onExit(code: number | null, signal: NodeJS.Signals | null, ranMs: number): void {
    if (this.#stopping) return;
    if (code !== null && code === this.#spec.hopelessCode) return this.#onHopeless();
    this.#backoffMs = ranMs >= HEALTHY_MS ? RESTART_MIN_MS : Math.min(this.#backoffMs * 2, RESTART_MAX_MS);
    this.#report(`${this.#spec.name} ended (${signal ?? `code ${code}`}); starting it again in ${this.#backoffMs} ms`);
    this.#restart = setTimeout(() => this.start(), this.#backoffMs);
  }
}
