import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';

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

/** `npm start -- …`; every option may come from this process's environment as well. Exits with one line that names the option on bad input. */
export function parseStartOptions(argv: readonly string[]): StartOptions {
  const program = new Command('npm start --')
    .description('Runs the whole network on this machine: three POPs over real Durable Objects, a hub, an embedded ClickHouse engine.')
    .addOption(new Option('--edge-port <port>', 'first POP; the others take the free ports after it').argParser(parsePort).default(8787).env('EDGE_PORT'))
    .addOption(new Option('--hub-port <port>', 'regional hub').argParser(parsePort).default(8788).env('HUB_PORT'))
    .addOption(new Option('--data-dir <path>', 'everything that outlives a stop').default('.edgetally').env('DATA_DIR'))
    .addOption(new Option('--regions <list>', 'POPs, comma-separated').argParser(parseRegions).default(['us', 'eu', 'ap'], 'us,eu,ap').env('REGIONS'))
    .addOption(
      new Option('--more-hubs <urls>', 'further hubs on the same Kafka and ClickHouse, comma-separated; shards turn to them when theirs is away')
        .argParser(parseUrls)
        .default([], 'none')
        .env('MORE_HUBS'),
    )
    .option('--no-demo', 'start empty: no demo catalogue, no demo traffic')
    .addOption(new Option('--ready-file <path>', 'write URLs, keys and pids here as JSON once everything answers').env('READY_FILE'))
    .addHelpText('after', '\nReal parts behind it: KAFKA_BROKERS=host:port (npm run kafka) and CLICKHOUSE_URL=http://host:port (npm run clickhouse).');
  const options = program.parse(argv as string[]).opts();
  if (options.edgePort === options.hubPort) program.error(`error: --edge-port and --hub-port are both ${options.edgePort}; each needs a port of its own`);
  return {
    edgePort: options.edgePort,
    hubPort: options.hubPort,
    dataDir: resolve(options.dataDir),
    regions: options.regions,
    moreHubs: options.moreHubs,
    demo: options.demo && process.env.DEMO !== '0',
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
