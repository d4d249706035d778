import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createWriteStream, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fetchKafkaJars, javaCommand, missingForKafka } from './kafka-jars.ts';

export type KafkaOptions = {
  /** Brokers, 1 or 3; three replicate every topic. */
  readonly nodes: number;
  /** The first broker's port; each further node takes the next pair (broker, controller). */
  readonly port: number;
  readonly dataDirectory: string;
  /** Where the jars are kept; default `<dataDirectory>/lib`. */
  readonly libDirectory?: string;
  /** Keep what an earlier run wrote, and leave it for the next. */
  readonly keep: boolean;
  readonly onProgress?: (line: string) => void;
  /** A node ended without being asked to. */
  readonly onNodeEnd?: (node: number, code: number | null) => void;
};

/** A running Apache Kafka on this machine. Nodes are numbered from 1. */
export type KafkaCluster = {
  readonly brokers: readonly string[];
  pids(): readonly number[];
  /** Ends one node: SIGKILL as a crash, SIGTERM as a shutdown; resolves when it is gone. */
  kill(node: number, signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  /** Starts a node again on its data; resolves when it takes connections. */
  restart(node: number): Promise<void>;
  stop(): Promise<void>;
};

const READY_MS = 60_000;
const STOP_MS = 20_000;
const MAX_MESSAGE_BYTES = 16 * 1_048_576;
const HEAP = ['-Xms128m', '-Xmx384m', '-XX:+UseSerialGC'];

type Node = { readonly id: number; readonly port: number; readonly directory: string; child: ChildProcess | null; wanted: boolean };

/** Fetches, formats and starts Kafka in KRaft mode; resolves when every broker answers. Throws with the way out when Java or Maven is missing. */
export async function startKafka(options: KafkaOptions): Promise<KafkaCluster> {
  const root = resolve(options.dataDirectory);
  const lib = resolve(options.libDirectory ?? join(root, 'lib'));
  const progress = options.onProgress ?? (() => undefined);
  const missing = missingForKafka(lib);
  if (missing !== null) throw new Error(missing);
  await fetchKafkaJars(lib, progress);
  const nodes = Array.from({ length: options.nodes }, (_, i): Node => {
    return { id: i + 1, port: options.port + 2 * i, directory: join(root, `node-${i + 1}`), child: null, wanted: true };
  });
  if (!options.keep) removeData(nodes);
  const cluster = new LocalCluster({ ...options, onProgress: progress }, lib, nodes);
  try {
    formatNodes(lib, nodes, clusterIdIn(root, options.keep));
    progress(`starting ${nodes.length === 1 ? 'one broker' : `${nodes.length} brokers`} on port ${nodes.map(({ port }) => port).join(', ')}`);
    await Promise.all(nodes.map(({ id }) => cluster.restart(id)));
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return cluster;
}

class LocalCluster implements KafkaCluster {
  readonly brokers: readonly string[];
  readonly #options: KafkaOptions;
  readonly #lib: string;
  readonly #nodes: readonly Node[];

  constructor(options: KafkaOptions, lib: string, nodes: readonly Node[]) {
    this.#options = options;
    this.#lib = lib;
    this.#nodes = nodes;
    this.brokers = nodes.map(({ port }) => `127.0.0.1:${port}`);
  }

  pids(): readonly number[] {
    return this.#nodes.flatMap(({ child }) => (child?.pid === undefined ? [] : [child.pid]));
  }

  async restart(id: number): Promise<void> {
    const node = this.#node(id);
    node.wanted = true;
    node.child ??= this.#spawn(node);
    await waitForPort(node);
  }

  async kill(id: number, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const node = this.#node(id);
    node.wanted = false;
    const { child } = node;
    if (child === null) return;
    const gone = new Promise<void>((done) => child.once('close', () => done()));
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await gone;
    clearTimeout(timer);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#nodes.map(({ id }) => this.kill(id, 'SIGTERM')));
    if (!this.#options.keep) removeData(this.#nodes);
  }

  #node(id: number): Node {
    const node = this.#nodes[id - 1];
    if (node === undefined) throw new Error(`there is no node ${id}`);
    return node;
  }

  #spawn(node: Node): ChildProcess {
    const output = createWriteStream(join(node.directory, 'kafka.log'), { flags: 'a' });
    const args = [...HEAP, '-cp', join(this.#lib, '*'), 'kafka.Kafka', join(node.directory, 'server.properties')];
    const child = spawn(javaCommand(), args, { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.pipe(output, { end: false });
    child.stderr.pipe(output, { end: false });
    child.once('close', (code) => {
      output.end();
      node.child = null;
      if (node.wanted) this.#options.onNodeEnd?.(node.id, code);
    });
    return child;
  }
}

function removeData(nodes: readonly Node[]): void {
  for (const { directory } of nodes) rmSync(directory, { recursive: true, force: true });
}

function clusterIdIn(root: string, keep: boolean): string {
  const file = join(root, 'cluster-id');
  if (keep && existsSync(file)) return readFileSync(file, 'utf8');
  mkdirSync(root, { recursive: true });
  const id = randomBytes(16).toString('base64url').replace(/^-/, 'a');
  writeFileSync(file, id);
  return id;
}

function formatNodes(lib: string, nodes: readonly Node[], clusterId: string): void {
  for (const node of nodes) {
    mkdirSync(node.directory, { recursive: true });
    const properties = join(node.directory, 'server.properties');
    writeFileSync(properties, propertiesOf(node, nodes));
    if (existsSync(join(node.directory, 'data', 'meta.properties'))) continue;
    const args = [...HEAP, '-cp', join(lib, '*'), 'kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', properties];
    const { status, stdout, stderr } = spawnSync(javaCommand(), args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`Kafka could not format ${node.directory}:\n${stdout}${stderr}`);
  }
}

function propertiesOf(node: Node, nodes: readonly Node[]): string {
  const replicas = Math.min(3, nodes.length);
  const inSync = replicas > 2 ? 2 : 1;
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': node.id,
    'controller.quorum.voters': nodes.map(({ id, port }) => `${id}@127.0.0.1:${port + 1}`).join(','),
    listeners: `PLAINTEXT://127.0.0.1:${node.port},CONTROLLER://127.0.0.1:${node.port + 1}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${node.port}`,
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': join(node.directory, 'data'),
    'log.cleaner.dedupe.buffer.size': 4_194_304,
    'group.initial.rebalance.delay.ms': 0,
    'auto.create.topics.enable': false,
    'default.replication.factor': replicas,
    'min.insync.replicas': inSync,
    'message.max.bytes': MAX_MESSAGE_BYTES,
    'replica.fetch.max.bytes': MAX_MESSAGE_BYTES,
    'offsets.retention.minutes': 525_600,
    'offsets.topic.num.partitions': 8,
    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSync,
    'transaction.state.log.num.partitions': 8,
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': inSync,
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

async function waitForPort(node: Node): Promise<void> {
  const patience = AbortSignal.timeout(READY_MS);
  while (!(await takesConnections(node.port))) {
    if (node.child === null) throw new Error(`node ${node.id} ended while it started; see ${join(node.directory, 'kafka.log')}`);
    if (patience.aborted) throw new Error(`node ${node.id} is not ready after ${READY_MS / 1_000} s; see ${join(node.directory, 'kafka.log')}`);
    await sleep(100);
  }
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    const end = (answer: boolean) => {
      socket.destroy();
      done(answer);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}
