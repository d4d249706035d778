import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleWorker } from '../../local/bundle.ts';
import { COMPATIBILITY_DATE, V8_FLAGS } from '../../local/workerd-config.ts';
import { freePort, workerdBinary } from './edge-bed.ts';
import { PinnedProcess, untilAnswers } from './pinned.ts';

/** A worker of `bench/baselines` on the same workerd, with the same flags as ours. */
export class WorkerBed {
  readonly url: string;
  readonly workerd: PinnedProcess;
  readonly #dir: string;

  private constructor(dir: string, url: string, workerd: PinnedProcess) {
    this.#dir = dir;
    this.url = url;
    this.workerd = workerd;
  }

  /** `className`: a durable object that the worker exports, bound as COUNTERS. */
  static async start(entry: string, className?: string): Promise<WorkerBed> {
    const dir = mkdtempSync(join(tmpdir(), 'edgetally-bench-'));
    mkdirSync(join(dir, 'objects'));
    const { modules } = await bundleWorker(entry, dir);
    const port = await freePort();
    const configPath = join(dir, 'bench.capnp');
    writeFileSync(configPath, configOf({ dir, port, moduleName: modules[0]!.name, className }));
    const workerd = new PinnedProcess('server', workerdBinary, ['serve', '--experimental', configPath]);
    const url = `http://127.0.0.1:${port}`;
    await untilAnswers(url, workerd);
    return new WorkerBed(dir, url, workerd);
  }

  async stop(): Promise<void> {
    await this.workerd.stop();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

function configOf(options: { dir: string; port: number; moduleName: string; className: string | undefined }): string {
  const { dir, port, moduleName, className } = options;
  const object = className === undefined ? '' : `
  durableObjectNamespaces = [(className = "${className}", uniqueKey = "${className}", enableSql = true)],
  durableObjectStorage = (localDisk = "storage"),
  bindings = [(name = "COUNTERS", durableObjectNamespace = "${className}")],`;
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "worker", worker = .worker), (name = "storage", disk = (path = "${join(dir, 'objects')}", writable = true))],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "worker")],
  v8Flags = [${V8_FLAGS.map((flag) => `"${flag}"`).join(', ')}]
);
const worker :Workerd.Worker = (
  modules = [(name = "${moduleName}", esModule = embed "${moduleName}")],${object}
  compatibilityDate = "${COMPATIBILITY_DATE}"
);`;
}
