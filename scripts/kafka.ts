import { renameSync, writeFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { startKafka } from './kafka-cluster.ts';

/** `npm run kafka`: Apache Kafka on this machine, from Maven Central's jars, under Java 17; no container. */

type Flags = { nodes: number; port: number; dataDir: string; libDir?: string; keep: boolean; readyFile?: string };

const program = new Command('npm run kafka --')
  .description("Runs Apache Kafka on this machine from Maven Central's jars (Java 17 or newer, Maven for the first run).")
  .option('--nodes <count>', 'brokers: 1, or 3 that replicate every topic', oneOrThree, 1)
  .option('--port <port>', 'port of the first broker; each node takes two', wholeNumber, 9092)
  .option('--data-dir <path>', 'folder for data, logs and jars', '.kafka')
  .option('--lib-dir <path>', 'folder for the jars (default: lib in the data folder)')
  .option('--keep', 'keep the records of earlier runs, and leave this one’s for the next', false)
  .option('--ready-file <path>', 'write {brokers, pids} there once Kafka answers')
  .addHelpText('after', '\nThen: KAFKA_BROKERS=127.0.0.1:9092 npm start');

await main(program.parse().opts<Flags>());

async function main(flags: Flags): Promise<void> {
  let stopping = false;
  const starting = startKafka({
    nodes: flags.nodes,
    port: flags.port,
    dataDirectory: flags.dataDir,
    ...(flags.libDir === undefined ? {} : { libDirectory: flags.libDir }),
    keep: flags.keep,
    onProgress: say,
    onNodeEnd: (node, code) => {
      process.exitCode = 1;
      void stop(`node ${node} ended by itself (code ${code}); stopping`);
    },
  });
  async function stop(why: string): Promise<void> {
    if (stopping) process.exit(1);
    stopping = true;
    say(why);
    await starting.then((cluster) => cluster.stop()).catch(() => undefined);
    say('stopped');
    process.exit();
  }
  process.on('SIGINT', () => void stop('stopping (once more to exit at once)'));
  process.on('SIGTERM', () => void stop('stopping'));
  const cluster = await starting.catch((error: unknown) => {
    if (!stopping) say(error instanceof Error ? error.message : String(error));
    process.exit(1);
  });
  if (stopping) return;
  if (flags.readyFile !== undefined) writeWhole(flags.readyFile, { brokers: cluster.brokers, pids: cluster.pids() });
  say(`ready: KAFKA_BROKERS=${cluster.brokers.join(',')}`);
}

/** Two would stop together: no majority is left when one is away. */
function oneOrThree(text: string): number {
  if (text !== '1' && text !== '3') throw new InvalidArgumentError('1 or 3');
  return Number(text);
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1 || value > 65_530) throw new InvalidArgumentError('a whole number is wanted');
  return value;
}

function writeWhole(path: string, value: object): void {
  writeFileSync(`${path}.tmp`, JSON.stringify(value));
  renameSync(`${path}.tmp`, path);
}

function say(line: string): void {
  process.stdout.write(`kafka: ${line}\n`);
}
