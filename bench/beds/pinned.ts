import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** What is measured runs on one core, what measures it on another, so that neither pays for the other's work. */
export const CORES = { server: '0', client: '1' } as const;
export type Core = keyof typeof CORES;

const CAN_PIN = availableParallelism() > 1;
/** The unit of `/proc/<pid>/stat`: USER_HZ is 100 on every Linux of the last decades. */
const MS_PER_TICK = 10;

/** The command and its arguments, pinned to a core where there are two. */
export function pinned(core: Core, command: string, args: readonly string[]): [string, string[]] {
  return CAN_PIN ? ['taskset', ['-c', CORES[core], command, ...args]] : [command, [...args]];
}

/** A process of our own on a core of its own; its complaints are kept for whoever asks why it died. */
export class PinnedProcess {
  readonly #child: ChildProcess;
  #log = '';

  constructor(core: Core, command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    const [program, all] = pinned(core, command, args);
    this.#child = spawn(program, all, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#log = (this.#log + chunk.toString()).slice(-10_000);
      });
    }
  }

  /** `taskset` replaces itself by the program, so this is the program's own number. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get log(): string {
    return this.#log;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** CPU spent so far, by all of its threads, user and kernel. */
  cpuMs(): number {
    const stat = readFileSync(`/proc/${this.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
  }

  /** Resident memory now. */
  residentBytes(): number {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  }

  async stop(): Promise<void> {
    if (this.hasEnded) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }
}

/** Polls `url` until it answers at all. Throws what the process said when it ended instead. */
export async function untilAnswers(url: string, process: PinnedProcess, withinMs = 30_000): Promise<void> {
  const deadlineMs = performance.now() + withinMs;
  for (;;) {
    if (await fetch(url, { redirect: 'manual' }).then(() => true, () => false)) return;
    if (process.hasEnded || performance.now() > deadlineMs) throw new Error(`${url} does not answer: ${process.log}`);
    await sleep(30);
  }
}
