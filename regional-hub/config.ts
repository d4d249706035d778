import { Command, InvalidArgumentError } from 'commander';
import { resolve } from 'node:path';
import * as v from 'valibot';
import { TrackingError } from '../core/errors.ts';
import { isId } from '../core/ids.ts';
import type { ShardEpoch } from '../schemas/catalogue.ts';
import { requireDistinct, requireSecret } from '../schemas/secret.ts';
import type { CloudflareKvTarget } from './adapters/cloudflare-kv-snapshot-publisher.ts';
import { DEFAULT_RESERVE_BYTES } from './ops/space-guard.ts';
import { DEFAULT_MIN_CELL_USERS, type MinCellUsers } from './query/suppression.ts';

/** A key that comes with the deployment, and what it may do. */
export type BootstrapKey = { readonly keyId: string; readonly key: string; readonly scopes: readonly string[] };

/** Everything that a hub is told when it starts. */
export type HubConfig = {
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  readonly readyFile: string | null;
  readonly regions: readonly string[];
  readonly shardEpochs: readonly ShardEpoch[];
  readonly flushKeys: readonly Uint8Array[];
  readonly snapshotKey: Uint8Array;
  readonly internalToken: string;
  readonly bootstrapKeys: readonly BootstrapKey[];
  readonly kafka: { readonly brokers: readonly string[]; readonly topicPrefix: string; readonly partitions: number | undefined; readonly replication: number | undefined } | null;
  readonly clickhouse: { readonly url: string; readonly cluster: string | undefined } | null;
  readonly cloudflareKv: CloudflareKvTarget | null;
  readonly minCellUsers: MinCellUsers;
  /** Kept free on the disk of `dataDir`; of a small disk a twentieth. */
  readonly diskReserveBytes: number;
};

/** Flags and environment, checked; flags win. Throws `TrackingError` code `bad_configuration` that names the setting. */
export function readConfig(argv: readonly string[], env: NodeJS.ProcessEnv): HubConfig {
  const options = parseFlags(argv, env);
  return {
    ...options,
    ...readSecrets(env),
    shardEpochs: parseJson('SHARD_EPOCHS', env['SHARD_EPOCHS'], SHARD_EPOCHS) ?? [{ epoch: 0, sinceMs: 0, shards: 4 }],
    kafka: kafkaOf(env),
    clickhouse: clickhouseOf(env),
    cloudflareKv: cloudflareOf(env),
    minCellUsers: parseJson('MIN_CELL_USERS', env['MIN_CELL_USERS'], MIN_CELL_USERS) ?? DEFAULT_MIN_CELL_USERS,
    diskReserveBytes: reserveOf(env['DISK_RESERVE_MB']),
  };
}

function readSecrets(env: NodeJS.ProcessEnv): Pick<HubConfig, 'flushKeys' | 'snapshotKey' | 'internalToken' | 'bootstrapKeys'> {
  const internalToken = env['INTERNAL_TOKEN'] ?? '';
  const flushKeys = (env['FLUSH_KEY'] ?? '').split(',').map((key) => requireSecret('FLUSH_KEY', key));
  const snapshotKey = requireSecret('SNAPSHOT_KEY', env['SNAPSHOT_KEY']);
  const bootstrapKeys = readBootstrapKeys(parseJson('BOOTSTRAP_KEYS', env['BOOTSTRAP_KEYS'], BOOTSTRAP_KEYS) ?? {});
  requireDistinct([
    { name: 'INTERNAL_TOKEN', secret: requireSecret('INTERNAL_TOKEN', internalToken) },
    { name: 'SNAPSHOT_KEY', secret: snapshotKey },
    ...flushKeys.map((secret) => ({ name: 'FLUSH_KEY', secret })),
    ...bootstrapKeys.map(({ scopes, key }) => ({ name: `BOOTSTRAP_KEYS.${scopes.join()}`, secret: requireSecret('BOOTSTRAP_KEYS', key) })),
  ]);
  return { flushKeys, snapshotKey, internalToken, bootstrapKeys };
}

function parseFlags(argv: readonly string[], env: NodeJS.ProcessEnv): Pick<HubConfig, 'host' | 'port' | 'dataDir' | 'readyFile' | 'regions'> {
  const options = new Command('regional-hub')
    .description('A regional hub: takes frames from shards, carries them into ClickHouse, answers queries.')
    .option('--host <address>', 'address to listen on', env['HUB_HOST'] ?? '127.0.0.1')
    .option('--port <port>', 'port to listen on; 0 takes a free one', parsePort, parsePort(env['HUB_PORT'] ?? '8788'))
    .option('--data-dir <path>', 'log, control database and, where no server is named, the store', env['DATA_DIR'] ?? '.edgetally/hub')
    .option('--regions <list>', 'regions of the network, comma-separated; the first is home to ads that name none', parseRegions, parseRegions(env['REGIONS'] ?? 'us,eu,ap'))
    .option('--ready-file <path>', 'write {hubUrl, pid} here once ready', env['HUB_READY_FILE'])
    .addHelpText('after', HELP)
    .parse(argv as string[])
    .opts<{ host: string; port: number; dataDir: string; regions: readonly string[]; readyFile?: string }>();
  const readyFile = options.readyFile === undefined ? null : resolve(options.readyFile);
  return { host: options.host, port: options.port, dataDir: resolve(options.dataDir), regions: options.regions, readyFile };
}

const HELP = `
Environment, secrets as 32 random bytes in base64url:
  FLUSH_KEY (two, comma-separated, while one is replaced), SNAPSHOT_KEY, INTERNAL_TOKEN
  BOOTSTRAP_KEYS       {"ops": key, "ingest": key, "replay": key, "settle": key}
  SHARD_EPOCHS         [{"epoch": 0, "sinceMs": 0, "shards": 4}]
  KAFKA_BROKERS        host:port,… instead of the embedded log (KAFKA_TOPIC_PREFIX, KAFKA_PARTITIONS, KAFKA_REPLICATION)
  CLICKHOUSE_URL       instead of the embedded engine (CLICKHOUSE_CLUSTER where it is a cluster)
  CLOUDFLARE_ACCOUNT_ID, CLOUDFLARE_KV_NAMESPACE_ID, CLOUDFLARE_API_TOKEN   publish the snapshot there
  MIN_CELL_USERS       {"clicksOnly": 10, "viewerBreakdown": 50}
  DISK_RESERVE_MB      kept free on the data folder's disk: below it nothing is taken in (256, of a small disk a twentieth)
  LOG_LEVEL            info`;

const Whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const SHARD_EPOCHS = v.pipe(
  v.array(v.strictObject({ epoch: v.pipe(Whole, v.maxValue(65_535)), sinceMs: Whole, shards: v.pipe(Whole, v.minValue(1), v.maxValue(65_536)) })),
  v.minLength(1),
  v.check((epochs) => epochs[0]?.sinceMs === 0, 'the first epoch begins at 0'),
  v.check((epochs) => epochs.every((each, i) => i === 0 || (each.epoch > (epochs[i - 1]?.epoch ?? 0) && each.sinceMs > (epochs[i - 1]?.sinceMs ?? 0))), 'epochs and their times rise'),
);
const BOOTSTRAP_KEYS = v.strictObject({ ops: v.optional(v.string()), ingest: v.optional(v.string()), replay: v.optional(v.string()), settle: v.optional(v.string()) });
const MIN_CELL_USERS = v.strictObject({ clicksOnly: Whole, viewerBreakdown: Whole });

function parseJson<Schema extends v.GenericSchema>(name: string, text: string | undefined, schema: Schema): v.InferOutput<Schema> | undefined {
  if (text === undefined || text === '') return undefined;
  try {
    return v.parse(schema, JSON.parse(text));
  } catch (cause) {
    // What the text was is not told: it may hold keys.
    const why = cause instanceof v.ValiError ? `${v.getDotPath(cause.issues[0]) ?? ''} ${String(cause.issues[0].message).replace(/ but received.*/, '')}` : 'is not JSON';
    throw new TrackingError('bad_configuration', `${name}: ${why.trim()}`);
  }
}

function readBootstrapKeys(keys: v.InferOutput<typeof BOOTSTRAP_KEYS>): readonly BootstrapKey[] {
  return Object.entries(keys).flatMap(([scope, key]) => {
    if (key === undefined) return [];
    requireSecret(`BOOTSTRAP_KEYS.${scope}`, key);
    return [{ keyId: `bootstrap-${scope}`, key, scopes: [scope] }];
  });
}

/** A name or an address, IPv6 in brackets. */
const BROKER = /^(\[[\da-f:.]+\]|[\w.-]+):\d{1,5}$/i;

function kafkaOf(env: NodeJS.ProcessEnv): HubConfig['kafka'] {
  if (!env['KAFKA_BROKERS']) return null;
  const brokers = env['KAFKA_BROKERS'].split(',').map((broker) => broker.trim());
  if (!brokers.every((broker) => BROKER.test(broker))) throw new TrackingError('bad_configuration', 'KAFKA_BROKERS must be brokers as host:port, comma-separated');
  return {
    brokers,
    topicPrefix: env['KAFKA_TOPIC_PREFIX'] ?? '',
    partitions: optionalCount('KAFKA_PARTITIONS', env['KAFKA_PARTITIONS']),
    replication: optionalCount('KAFKA_REPLICATION', env['KAFKA_REPLICATION']),
  };
}

function clickhouseOf(env: NodeJS.ProcessEnv): HubConfig['clickhouse'] {
  const url = env['CLICKHOUSE_URL'];
  if (!url) return null;
  // The URL is not told: a password may be in it.
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) throw new TrackingError('bad_configuration', 'CLICKHOUSE_URL must be a URL such as http://127.0.0.1:8123');
  return { url, cluster: env['CLICKHOUSE_CLUSTER'] || undefined };
}

function optionalCount(name: string, text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new TrackingError('bad_configuration', `${name} must be a whole number from 1 to 9999`);
  return Number(text);
}

function reserveOf(text: string | undefined): number {
  if (text === undefined || text === '') return DEFAULT_RESERVE_BYTES;
  if (!/^\d{1,7}$/.test(text)) throw new TrackingError('bad_configuration', 'DISK_RESERVE_MB must be a whole number of megabytes');
  return Number(text) * 1_048_576;
}

function cloudflareOf(env: NodeJS.ProcessEnv): CloudflareKvTarget | null {
  const names = ['CLOUDFLARE_ACCOUNT_ID', 'CLOUDFLARE_KV_NAMESPACE_ID', 'CLOUDFLARE_API_TOKEN'] as const;
  const missing = names.filter((name) => !env[name]);
  if (missing.length === names.length) return null;
  if (missing.length > 0) throw new TrackingError('bad_configuration', `to publish to Workers KV, ${missing.join(' and ')} must be set as well`);
  const [accountId = '', namespaceId = '', apiToken = ''] = names.map((name) => env[name]);
  return { accountId, namespaceId, apiToken };
}

function parsePort(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new InvalidArgumentError('a port is a number from 0 to 65535');
  return Number(text);
}

function parseRegions(text: string): readonly string[] {
  const regions = text.split(',').map((region) => region.trim());
  // A region is a part of shard names, which dots divide.
  if (!regions.every((region) => isId(region) && !/[.:]/.test(region))) throw new InvalidArgumentError('regions are names such as us,eu,ap');
  return [...new Set(regions)];
}
