import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { HttpFault } from '../../regional-hub/adapters/clickhouse-http-server.ts';
import { endProgram, startProgram } from './processes.ts';

const SHIM = fileURLToPath(new URL('./clickhouse-shim.ts', import.meta.url));

/** A ClickHouse server that can be killed, started again on its data, and made to misbehave. */
export class FaultyClickHouse {
  readonly url: string;
  readonly #port: number;
  readonly #dataDir: string;
  #child: ChildProcess;

  private constructor(port: number, dataDir: string, child: ChildProcess) {
    this.url = `http://127.0.0.1:${port}`;
    this.#port = port;
    this.#dataDir = dataDir;
    this.#child = child;
  }

  static async start(port: number, dataDir: string): Promise<FaultyClickHouse> {
    return new FaultyClickHouse(port, dataDir, await startShim(port, dataDir));
  }

  /** From now on every insert meets `fault`. */
  misbehave(fault: HttpFault): void {
    this.#child.send({ fault });
  }

  /** Ends it outright; resolves when it is gone. */
  kill(): Promise<void> {
    return endProgram(this.#child, 'SIGKILL');
  }

  async restart(): Promise<void> {
    this.#child = await startShim(this.#port, this.#dataDir);
  }
}

function startShim(port: number, dataDir: string): Promise<ChildProcess> {
  return startProgram(SHIM, [String(port), dataDir], { readyLine: 'shim ready', ipc: true });
}
