import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isFree } from '../free-ports.ts';

const START = fileURLToPath(new URL('../start.ts', import.meta.url));
const READY_MS = 120_000;

/** What `--ready-file` says. */
export type ReadyFile = {
  readonly edgeUrl: string;
  readonly edgeUrls: Readonly<Record<string, string>>;
  readonly hubUrl: string;
  readonly keys: { readonly ops: string; readonly ingest: string; readonly replay: string; readonly settle: string };
  readonly pids: { readonly supervisor: number; readonly workerd: number; readonly hub: number };
};

/** The whole network in processes of its own, as `npm start -- --no-demo` runs it; speaks HTTP only. */
export class RunningNetwork {
  readonly dataDir: string;
  readonly #readyPath: string;
  readonly #child: ChildProcess;
  #log = '';

  private constructor(dataDir: string, readyPath: string, child: ChildProcess) {
    this.dataDir = dataDir;
    this.#readyPath = readyPath;
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#log = (this.#log + chunk.toString()).slice(-20_000);
      });
    }
  }

  /** Starts on free ports and waits until everything answers. Pass `dataDir` to go on where another left off. */
  static async start(options: { dataDir?: string; env?: Record<string, string>; args?: readonly string[] } = {}): Promise<RunningNetwork> {
    const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'edgetally-'));
    const readyPath = join(dataDir, 'ready.json');
    rmSync(readyPath, { force: true });
    const [edgePort, hubPort] = [await freePortRun(4), await freePortRun(1)];
    const args = ['--no-demo', '--data-dir', dataDir, '--ready-file', readyPath, '--edge-port', `${edgePort}`, '--hub-port', `${hubPort}`];
    const child = spawn(process.execPath, [START, ...args, ...(options.args ?? [])], {
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const network = new RunningNetwork(dataDir, readyPath, child);
    await network.#untilReady();
    return network;
  }

  /** The latest ready file; it is rewritten after every restart of a child. */
  get info(): ReadyFile {
    return JSON.parse(readFileSync(this.#readyPath, 'utf8')) as ReadyFile;
  }

  /** The last 20 000 characters that the network printed. */
  get log(): string {
    return this.#log;
  }

  /** Kills children outright, together, and returns when the supervisor has announced their successors. One call at a time. */
  async kill(...names: readonly ('workerd' | 'hub')[]): Promise<void> {
    const before = this.info.pids;
    for (const name of names) process.kill(before[name], 'SIGKILL');
    const announced = (): boolean => names.every((name) => this.info.pids[name] !== before[name]);
    await until(announced, READY_MS, () => `${names.join(' and ')} not started again: ${this.#log}`);
  }

  /** SIGINT to every process of the network, as Ctrl-C sends it; resolves when all is over. */
  async stop(): Promise<void> {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    process.kill(-pid, 'SIGINT');
    await exited;
  }

  /** Stops and removes the data. */
  async dispose(): Promise<void> {
    await this.stop();
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  async #untilReady(): Promise<void> {
    const ended = (): string => `the network ended (${this.#child.exitCode}): ${this.#log}`;
    await until(
      () => {
        if (this.#child.exitCode !== null) throw new Error(ended());
        return existsSync(this.#readyPath);
      },
      READY_MS,
      () => `not ready: ${this.#log}`,
    );
  }
}

/** Polls until `holds`; throws what `why` says after `withinMs`. */
export async function until(holds: () => boolean | Promise<boolean>, withinMs: number, why: () => string): Promise<void> {
  const deadlineMs = Date.now() + withinMs;
  while (!(await holds())) {
    if (Date.now() > deadlineMs) throw new Error(why());
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** First of `length` consecutive ports that are free now. */
export async function freePortRun(length: number): Promise<number> {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 40_000);
    const free = await Promise.all(Array.from({ length }, (_, index) => isFree(first + index)));
    if (free.every(Boolean)) return first;
  }
}
