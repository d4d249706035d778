import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BAD_CONFIGURATION_EXIT, TrackingError } from '../core/errors.ts';
import { DEFAULT_FLUSH_POLICY } from '../core/flush/policy.ts';
import { bundleWorker } from './bundle.ts';
import { SupervisedChild } from './child.ts';
import { holdDataDir } from './data-dir-hold.ts';
import { choosePorts } from './free-ports.ts';
import type { StartOptions } from './options.ts';
import { loadSecrets, type Secrets } from './secrets.ts';
import { renderWorkerdConfig } from './workerd-config.ts';

const HOPELESS_HUB = 'the hub cannot work with its settings; what it said stands above';
const HUB_MAIN = fileURLToPath(new URL('../regional-hub/main.ts', import.meta.url));

/** How long a stop waits for the pipeline to run dry, and then for the hub to close its store. */
const DRAIN_MS = 4_000;
const HUB_CLOSE_MS = 10_000;
/** Until then a shard may hold events that no hub has heard of, so that everything downstream looks calm. */
const FIRST_HEARD_MS = DEFAULT_FLUSH_POLICY.maxDelayMs + 500;
const READY_POLL_MS = 50;
/** A predecessor may still be letting go of its folder and its ports. */
const RELEASE_MS = 3_000;

/** A running local network: workerd for every POP, one hub, both started again when they die. */
export type LocalNetwork = {
  readonly edgeUrls: Readonly<Record<string, string>>;
  readonly hubUrl: string;
  readonly secrets: Secrets;
  pids(): { supervisor: number; workerd: number; hub: number };
  /** Resolves when every POP and the hub answer. */
  ready(): Promise<void>;
  /** Lets what was acknowledged reach the store, then ends the children. */
  stop(): Promise<void>;
  /** Ends the children at once. What they acknowledged is on disk, and goes on at the next start. */
  abandon(): void;
};

/** Bundles the workers, starts workerd and the hub over `options.dataDir`. `onRestart` is told after every (re)start of a child, `onHopeless` when none would help: everything has ended then. */
export async function startNetwork(
  options: StartOptions,
  hooks: { report: (line: string) => void; onRestart: () => void; onHopeless: (why: string) => void },
): Promise<LocalNetwork> {
  const hold = holdDataDir(options.dataDir, RELEASE_MS);
  const secrets = loadSecrets(options.dataDir);
  endLeftover(join(options.dataDir, 'workerd.pid'));
  const ports = await takePorts(options);
  const edgeUrls = Object.fromEntries([...ports].map(([region, port]) => [region, `http://127.0.0.1:${port}`]));
  const hubUrl = `http://127.0.0.1:${options.hubPort}`;

  const children: SupervisedChild[] = [];
  const abandon = (): void => {
    for (const child of children) child.kill();
  };
  let isHopeless = false;
  const onHopeless = (): void => {
    isHopeless = true;
    abandon();
    hooks.onHopeless(HOPELESS_HUB);
  };
  const hub = new SupervisedChild(hubSpec(options, secrets), { onStart: () => hooks.onRestart(), report: hooks.report, onHopeless });
  children.push(hub);
  hub.start();
  const configPath = await writeWorkerdConfig(options, secrets, ports, hubUrl);
  if (isHopeless) throw new TrackingError('bad_configuration', HOPELESS_HUB);
  const onWorkerdStart = (pid: number): void => {
    writeFileSync(join(options.dataDir, 'workerd.pid'), `${pid}\n${configPath}`);
    hooks.onRestart();
  };
  const workerd = new SupervisedChild(workerdSpec(configPath, join(options.dataDir, 'workerd.log')), { onStart: onWorkerdStart, report: hooks.report });
  children.push(workerd);
  workerd.start();

  return {
    edgeUrls,
    hubUrl,
    secrets,
    pids: () => ({ supervisor: process.pid, workerd: workerd.pid, hub: hub.pid }),
    ready: async () => {
      await answers(`${hubUrl}/readyz`);
      await Promise.all(Object.values(edgeUrls).map((url) => answers(`${url}/healthz`)));
    },
    stop: async () => {
      await drained(hubUrl, secrets.apiKeys.ops);
      await workerd.stop(0);
      rmSync(join(options.dataDir, 'workerd.pid'), { force: true });
      await hub.stop(HUB_CLOSE_MS);
      hold.release();
    },
    abandon,
  };
}

function hubSpec(options: StartOptions, secrets: Secrets) {
  const dataDir = join(options.dataDir, 'hub');
  mkdirSync(dataDir, { recursive: true });
  return {
    name: 'hub',
    hopelessCode: BAD_CONFIGURATION_EXIT,
    command: process.execPath,
    args: [HUB_MAIN, '--port', String(options.hubPort), '--data-dir', dataDir, '--regions', options.regions.join(',')],
    ipc: true,
    env: {
      UV_THREADPOOL_SIZE: '16',
      FLUSH_KEY: secrets.flushKey,
      SNAPSHOT_KEY: secrets.snapshotKey,
      INTERNAL_TOKEN: secrets.internalToken,
      BOOTSTRAP_KEYS: JSON.stringify(secrets.apiKeys),
    },
  };
}

/**
 * workerd has no graceful stop and needs none: what it acknowledged is on disk. It shrugs off Ctrl-C, which the terminal sends to
 * everyone, so that it can still serve while the supervisor drains; the supervisor ends it. It writes to a file, so that it serves while the supervisor stands still.
 */
function workerdSpec(configPath: string, logPath: string) {
  const binary = createRequire(import.meta.url)('workerd').default as string;
  return {
    name: 'workerd',
    command: '/bin/sh',
    args: ['-c', `trap '' INT TERM HUP; exec "$0" serve --experimental "$1"`, binary, configPath],
    // Muted: its own compile cache, which it does without.
    log: { path: logPath, mutes: /NOSENTRY per-isolate bootstrap compile cache/ },
  };
}

async function writeWorkerdConfig(
  options: StartOptions,
  secrets: Secrets,
  ports: ReadonlyMap<string, number>,
  hubUrl: string,
): Promise<string> {
  const outDir = join(options.dataDir, 'workerd');
  const storageDir = join(options.dataDir, 'objects');
  for (const dir of [outDir, storageDir]) mkdirSync(dir, { recursive: true });
  const [edge, kv] = await Promise.all([bundleWorker('edge-worker/main.ts', outDir), bundleWorker('local/catalogue-kv.ts', outDir)]);
  const text = renderWorkerdConfig({
    edge,
    kv,
    popPorts: ports,
    hubAddress: new URL(hubUrl).host,
    internalToken: secrets.internalToken,
    storageDir,
    edgeVars: {
      REGIONS: JSON.stringify(options.regions),
      SNAPSHOT_KEY: secrets.snapshotKey,
      TOKEN_KEYS: JSON.stringify(secrets.tokenKeys),
      VIEWER_KEY: secrets.viewerKey,
    },
    shardVars: {
      HUB_URLS: JSON.stringify(Object.fromEntries(options.regions.map((region) => [region, [hubUrl, ...options.moreHubs]]))),
      FLUSH_KEY: secrets.flushKey,
    },
  });
  const path = join(outDir, 'network.capnp');
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return path;
}

/** A child on a taken port would die and be started again for ever. Throws `bad_configuration`. */
async function takePorts(options: StartOptions): Promise<Map<string, number>> {
  const deadlineMs = Date.now() + RELEASE_MS;
  for (;;) {
    const ports = await choosePorts(options);
    if (ports !== null) return ports;
    if (Date.now() > deadlineMs) break;
    await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
  }
  const message = `port ${options.edgePort} or ${options.hubPort} is taken: is another network running? Choose --edge-port and --hub-port`;
  throw new TrackingError('bad_configuration', message);
}

/** A supervisor that was killed outright leaves its workerd running on our ports and files. */
function endLeftover(pidFile: string): void {
  try {
    const [pid, configPath] = readFileSync(pidFile, 'utf8').split('\n') as [string, string];
    const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    if (commandLine.includes(configPath)) process.kill(Number(pid), 'SIGKILL');
  } catch {
    // No such file or no such process: nothing was left.
  }
}

async function answers(url: string): Promise<void> {
  for (;;) {
    const ok = await fetch(url).then((reply) => reply.ok, () => false);
    if (ok) return;
    await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
  }
}

/** Waits until nothing is in flight between the shards and the store, for `DRAIN_MS` at most: the rest is durable and goes on at the next start. */
async function drained(hubUrl: string, key: string): Promise<void> {
  const heardAtMs = Date.now() + FIRST_HEARD_MS;
  const deadlineMs = Date.now() + DRAIN_MS;
  const from = new Date(Date.now() - 60_000).toISOString();
  while (Date.now() < deadlineMs) {
    const to = new Date(Date.now() + 60_000).toISOString();
    const signal = AbortSignal.timeout(Math.max(1, deadlineMs - Date.now()));
    const report = await fetch(`${hubUrl}/v1/ops/conservation?from=${from}&to=${to}`, { headers: { authorization: `Bearer ${key}` }, signal })
      .then((reply) => reply.json() as Promise<{ inFlight?: number; holds?: boolean }>)
      .catch(() => null);
    if (report === null || (Date.now() > heardAtMs && report.inFlight === 0 && report.holds === true)) return;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
