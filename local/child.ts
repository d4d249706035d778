import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export type ChildSpec = {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Opens an IPC channel; the child should end when it closes. */
  readonly ipc?: boolean;
  /** Lines of its stderr that tell nobody anything. */
  readonly mutes?: RegExp;
};

/** A child that ran this long was healthy: the next restart is immediate. */
const HEALTHY_MS = 5_000;
const RESTART_MIN_MS = 100;
const RESTART_MAX_MS = 5_000;

/**
 * A process that is started again, on the same data, whenever it dies, until `stop`.
 * A child that keeps dying is restarted ever more slowly, up to every 5 s.
 */
export class SupervisedChild {
  readonly #spec: ChildSpec;
  readonly #onStart: (pid: number) => void;
  readonly #report: (line: string) => void;
  #process: ChildProcess | null = null;
  #restart: NodeJS.Timeout | null = null;
  #backoffMs = RESTART_MIN_MS;
  #stopping = false;

  constructor(spec: ChildSpec, options: { onStart: (pid: number) => void; report: (line: string) => void }) {
    this.#spec = spec;
    this.#onStart = options.onStart;
    this.#report = options.report;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  start(): void {
    const startedAtMs = Date.now();
    const { command, args, env, ipc, mutes } = this.#spec;
    const child = spawn(command, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'inherit', mutes === undefined ? 'inherit' : 'pipe', ...(ipc === true ? (['ipc'] as const) : [])],
    });
    this.#process = child;
    if (child.stderr !== null && mutes !== undefined) passOn(child.stderr, mutes);
    child.once('error', (error) => this.#report(`${this.#spec.name}: ${error.message}`));
    child.once('spawn', () => this.#onStart(child.pid ?? 0));
    child.once('exit', (code, signal) => this.#onExit(code, signal, Date.now() - startedAtMs));
  }

  /** Asks over IPC where there is a channel, else kills; kills anyway after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    if (this.#restart !== null) clearTimeout(this.#restart);
    const child = this.#process;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    if (child.connected) child.send('shutdown');
    else child.kill('SIGKILL');
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
    await exited;
    clearTimeout(timer);
  }

  #onExit(code: number | null, signal: NodeJS.Signals | null, ranMs: number): void {
    if (this.#stopping) return;
    this.#backoffMs = ranMs >= HEALTHY_MS ? RESTART_MIN_MS : Math.min(this.#backoffMs * 2, RESTART_MAX_MS);
    this.#report(`${this.#spec.name} ended (${signal ?? `code ${code}`}); starting it again in ${this.#backoffMs} ms`);
    this.#restart = setTimeout(() => this.start(), this.#backoffMs);
  }
}

function passOn(lines: NodeJS.ReadableStream, mutes: RegExp): void {
  createInterface({ input: lines }).on('line', (line) => {
    if (!mutes.test(line)) process.stderr.write(`${line}\n`);
  });
}
