import { resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';

export type StartOptions = {
  readonly edgePort: number;
  readonly hubPort: number;
  readonly dataDir: string;
  readonly regions: readonly string[];
  /** Base URLs of further hubs on the same Kafka and ClickHouse: shards turn to them when their own does not answer. */
  readonly moreHubs: readonly string[];
  readonly demo: boolean;
  readonly readyFile: string | null;
};

/** `npm start -- …`; every option may come from the environment as well. Exits with a usage message on bad input. */
export function parseStartOptions(argv: readonly string[], env: NodeJS.ProcessEnv): StartOptions {
  const program = new Command('npm start --')
    .description('Runs the whole network on this machine: three POPs over real Durable Objects, a hub, an embedded ClickHouse engine.')
    .option('--edge-port <port>', 'first POP; the others take the free ports after it', parsePort, parsePort(env.EDGE_PORT ?? '8787'))
    .option('--hub-port <port>', 'regional hub', parsePort, parsePort(env.HUB_PORT ?? '8788'))
    .option('--data-dir <path>', 'everything that outlives a stop', env.DATA_DIR ?? '.edgetally')
    .option('--regions <list>', 'POPs, comma-separated', parseRegions, parseRegions(env.REGIONS ?? 'us,eu,ap'))
    .option('--more-hubs <urls>', 'further hubs on the same Kafka and ClickHouse, comma-separated; shards turn to them when theirs is away', parseUrls, parseUrls(env.MORE_HUBS ?? ''))
    .option('--no-demo', 'start empty: no demo catalogue, no demo traffic')
    .option('--ready-file <path>', 'write URLs, keys and pids here as JSON once everything answers', env.READY_FILE)
    .addHelpText('after', '\nReal parts behind it: KAFKA_BROKERS=host:port (npm run kafka) and CLICKHOUSE_URL=http://host:port (npm run clickhouse).');
  const options = program.parse(argv as string[]).opts();
  return {
    edgePort: options.edgePort,
    hubPort: options.hubPort,
    dataDir: resolve(options.dataDir),
    regions: options.regions,
    moreHubs: options.moreHubs,
    demo: options.demo && env.DEMO !== '0',
    readyFile: options.readyFile === undefined ? null : resolve(options.readyFile),
  };
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new InvalidArgumentError('a port is a whole number from 1 to 65535');
  return port;
}

function parseRegions(text: string): string[] {
  const regions = text.split(',').map((name) => name.trim());
  const valid = regions.every((name) => /^[a-z][a-z0-9-]{0,15}$/.test(name)) && new Set(regions).size === regions.length;
  if (!valid) throw new InvalidArgumentError('regions are distinct lower-case names, such as us,eu,ap');
  return regions;
}

function parseUrls(text: string): string[] {
  const urls = text.split(',').map((url) => url.trim()).filter((url) => url !== '');
  if (!urls.every((url) => /^https?:\/\/[^/\s]+$/.test(url))) throw new InvalidArgumentError('hubs are URLs without a path, such as http://127.0.0.1:8798');
  return urls;
}
