import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { missingForKafka } from '../../../scripts/kafka-jars.ts';
import { startKafka } from '../../../scripts/kafka-cluster.ts';
import type { KafkaCluster } from '../../../scripts/kafka-cluster.ts';

const LIB_DIRECTORY = join(import.meta.dirname, '..', '..', '..', '.kafka', 'lib');

/** Why the tests against a real broker cannot run here, or null. */
export const KAFKA_MISSING = missingForKafka(LIB_DIRECTORY);

/** Apache Kafka on free ports, its data in a folder of its own that goes with it. */
export async function startTestKafka(nodes = 1): Promise<KafkaCluster> {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'edgetally-kafka-'));
  const cluster = await startKafka({ nodes, port: await freePorts(nodes * 2), dataDirectory, libDirectory: LIB_DIRECTORY, keep: true });
  return Object.assign(cluster, {
    stop: async () => {
      await Promise.all(cluster.brokers.map((_, i) => cluster.kill(i + 1, 'SIGKILL')));
      rmSync(dataDirectory, { recursive: true, force: true });
    },
  });
}

/** The first of `count` ports in a row that nobody listens on. */
async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = 20_000 + ((await freePort()) % 12_000);
    const all = await Promise.all(Array.from({ length: count }, (_, i) => isFree(first + i)));
    if (all.every(Boolean)) return first;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
      .once('error', () => resolve(false))
      .listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
