import type { ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Secrets } from '../../local/secrets.ts';
import { freePortRun, RunningNetwork, until, type ReadyFile } from '../../local/testing/running-network.ts';
import { startKafka, type KafkaCluster } from '../kafka-cluster.ts';
import { registerChaosAds } from './ads.ts';
import { auditFolder, auditServer } from './audit.ts';
import { FaultyClickHouse } from './faulty-clickhouse.ts';
import { endProgram, startProgram } from './processes.ts';

const HUB = fileURLToPath(new URL('../../regional-hub/main.ts', import.meta.url));
const KAFKA_LIB = fileURLToPath(new URL('../../.kafka/lib', import.meta.url));

const PORT_FREE_MS = 5_000;

/** Which real parts stand behind the edge. */
export type StageSpec = {
  /** Kafka brokers instead of the embedded log. */
  readonly kafkaNodes?: 1 | 3;
  /** Of each topic; default as the hub has it. */
  readonly kafkaPartitions?: number;
  /** A ClickHouse server of its own instead of the engine inside the hub. */
  readonly clickhouse?: boolean;
  /** A second hub on the same Kafka and ClickHouse; shards know both. */
  readonly secondHub?: boolean;
  /** Where everything lies; default: a new folder of the system's temporary one. */
  readonly dataDir?: string;
};

/** The network as `npm start` runs it, with whatever stands behind it, ready for traffic and faults. */
export class Stage {
  readonly network: RunningNetwork;
  readonly dataDir: string;
  readonly kafka: KafkaCluster | null;
  readonly clickhouse: FaultyClickHouse | null;
  readonly secondHubUrl: string | null;
  readonly publisherKey: string;
  readonly #spec: StageSpec;
  #secondHub: ChildProcess | null;
  #squatter: Server | null = null;

  private constructor(parts: { network: RunningNetwork; dataDir: string; kafka: KafkaCluster | null; clickhouse: FaultyClickHouse | null; secondHub: { url: string; child: ChildProcess } | null; publisherKey: string; spec: StageSpec }) {
    this.network = parts.network;
    this.dataDir = parts.dataDir;
    this.kafka = parts.kafka;
    this.clickhouse = parts.clickhouse;
    this.secondHubUrl = parts.secondHub?.url ?? null;
    this.#secondHub = parts.secondHub?.child ?? null;
    this.publisherKey = parts.publisherKey;
    this.#spec = parts.spec;
  }

  static async set(spec: StageSpec): Promise<Stage> {
    const dataDir = spec.dataDir ?? mkdtempSync(join(tmpdir(), 'edgetally-chaos-'));
    mkdirSync(dataDir, { recursive: true });
    const [kafka, clickhouse] = await Promise.all([
      spec.kafkaNodes === undefined ? null : startBrokers(dataDir, spec.kafkaNodes),
      spec.clickhouse === true ? FaultyClickHouse.start(await freePortRun(1), join(dataDir, 'clickhouse')) : null,
    ]);
    const env = {
      ...(kafka === null ? {} : { KAFKA_BROKERS: kafka.brokers.join(',') }),
      ...(spec.kafkaPartitions === undefined ? {} : { KAFKA_PARTITIONS: String(spec.kafkaPartitions) }),
      ...(clickhouse === null ? {} : { CLICKHOUSE_URL: clickhouse.url }),
      LOG_LEVEL: 'warn',
    };
    const secondPort = spec.secondHub === true ? await freePortRun(1) : null;
    const args = secondPort === null ? [] : ['--more-hubs', `http://127.0.0.1:${secondPort}`];
    const network = await RunningNetwork.start({ dataDir, env, args });
    const secondHub = secondPort === null ? null : await startSecondHub(dataDir, secondPort, env);
    const publisherKey = await registerChaosAds(network.info);
    return new Stage({ network, dataDir, kafka, clickhouse, secondHub, publisherKey, spec });
  }

  get info(): ReadyFile {
    return this.network.info;
  }

  /** Base URLs of the hubs, the network's own first. */
  get hubUrls(): readonly string[] {
    return this.secondHubUrl === null ? [this.info.hubUrl] : [this.info.hubUrl, this.secondHubUrl];
  }

  /** Kills the hub and takes its port, so that none of its successors comes up until `bringHubBack`. */
  async takeHubAway(): Promise<void> {
    process.kill(this.info.pids.hub, 'SIGKILL');
    const port = Number(new URL(this.info.hubUrl).port);
    await until(async () => (this.#squatter = await squatOn(port)) !== null, PORT_FREE_MS, () => `port ${port} does not become free`);
  }

  async bringHubBack(): Promise<void> {
    const squatter = this.#squatter;
    this.#squatter = null;
    await new Promise<void>((resolve) => (squatter === null ? resolve() : squatter.close(() => resolve())));
  }

  killSecondHub(): Promise<void> {
    return this.#secondHub === null ? Promise.resolve() : endProgram(this.#secondHub, 'SIGKILL');
  }

  /** Ends the network in order, tells how often each event was counted by the raw rows, and removes everything. */
  async audit(): Promise<Map<string, number>> {
    await this.network.stop();
    if (this.clickhouse !== null) return auditServer(this.clickhouse.url);
    return auditFolder(this.dataDir, await freePortRun(1));
  }

  /** Ends and removes whatever is left; may be called at any time. */
  async strike(): Promise<void> {
    await this.bringHubBack();
    await this.network.stop();
    await this.killSecondHub();
    await this.clickhouse?.kill();
    await this.kafka?.stop();
    if (this.#spec.dataDir === undefined) rmSync(this.dataDir, { recursive: true, force: true });
  }
}

async function startBrokers(dataDir: string, nodes: 1 | 3): Promise<KafkaCluster> {
  return startKafka({ nodes, port: await freePortRun(nodes * 2), dataDirectory: join(dataDir, 'kafka'), libDirectory: KAFKA_LIB, keep: false });
}

async function startSecondHub(dataDir: string, port: number, env: Record<string, string>): Promise<{ url: string; child: ChildProcess }> {
  const secrets = JSON.parse(readFileSync(join(dataDir, 'secrets.json'), 'utf8')) as Secrets;
  const child = await startProgram(HUB, ['--port', String(port), '--data-dir', join(dataDir, 'hub-2')], {
    readyLine: 'hub ready',
    env: {
      ...env,
      FLUSH_KEY: secrets.flushKey,
      SNAPSHOT_KEY: secrets.snapshotKey,
      INTERNAL_TOKEN: secrets.internalToken,
      BOOTSTRAP_KEYS: JSON.stringify(secrets.apiKeys),
    },
  });
  return { url: `http://127.0.0.1:${port}`, child };
}

/** A server that hangs up on everybody; null while the port is taken. */
function squatOn(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', () => resolve(null));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
