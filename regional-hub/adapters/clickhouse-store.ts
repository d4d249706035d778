import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ClickHouseLogLevel, createClient, type ClickHouseClient, type ClickHouseSettings } from '@clickhouse/client';
import type { Deployment } from '../../schemas/clickhouse/ddl.ts';
import { ChdbConnection } from './chdb-connection.ts';

/** The embedded engine in a folder of this process, or a server by URL (with the name of its cluster, if it is one). */
export type StoreLocation =
  | { readonly kind: 'embedded'; readonly dataDir: string; readonly engine?: Partial<EngineLimits> }
  | { readonly kind: 'server'; readonly url: string; readonly cluster?: string };

/** What the embedded engine may take. */
export type EngineLimits = {
  /** Cap on the engine's memory; its own default is nine tenths of the machine's. */
  readonly memoryBytes: number;
  readonly markCacheBytes: number;
  readonly sessions: number;
  /** Statements that may wait for a session. */
  readonly maxWaiting: number;
  /** Folder that `BACKUP … TO File(…)` may write below; '' = none. */
  readonly backupsDir: string;
};

export const DEFAULT_ENGINE_LIMITS: EngineLimits = {
  memoryBytes: 450_000_000,
  markCacheBytes: 32_000_000,
  sessions: 4,
  maxWaiting: 256,
  backupsDir: '',
};

/** A statement that runs longer than this is stopped; inserts of a full range stay far below. */
export const STATEMENT_TIMEOUT_MS = 60_000;
const OPEN_CONNECTIONS = 16;

/**
 * What every connection sets, whatever the engine: a statement ends by itself when nobody waits for it any more, inserts are synchronous and carry their own tokens, a repeated block is dropped on its
 * way through each view as well, an insert stays one block, and 64-bit numbers keep their digits in JSON.
 */
export const STORE_SETTINGS = {
  async_insert: 0,
  max_execution_time: STATEMENT_TIMEOUT_MS / 1_000,
  insert_deduplicate: 1,
  deduplicate_blocks_in_dependent_materialized_views: 1,
  output_format_json_quote_64bit_integers: 1,
  input_format_parallel_parsing: 0,
  max_insert_block_size: '1000000',
  max_partitions_per_insert_block: '1000',
} as const satisfies ClickHouseSettings;

/** An open store: the same client for either kind, and what the schema must know of where it is. */
export type ClickHouseStore = {
  readonly client: ClickHouseClient;
  readonly deployment: Deployment;
  close(): Promise<void>;
};

/** Opens a store; nothing is created in it (see `migrate`). Our tables live in `database`. */
export function openStore(location: StoreLocation, database = 'edgetally'): ClickHouseStore {
  if (location.kind === 'embedded') {
    const client = createClient({ connection: openEngine(location.dataDir, location.engine), log: { level: ClickHouseLogLevel.OFF } });
    return { client, deployment: { mode: 'local', database }, close: () => client.close() };
  }
  const client = createClient({
    url: location.url,
    request_timeout: STATEMENT_TIMEOUT_MS,
    max_open_connections: OPEN_CONNECTIONS,
    clickhouse_settings: location.cluster === undefined ? STORE_SETTINGS : { ...STORE_SETTINGS, ...CLUSTER_SETTINGS },
    log: { level: ClickHouseLogLevel.OFF },
  });
  const deployment: Deployment =
    location.cluster === undefined ? { mode: 'local', database } : { mode: 'cluster', database, cluster: location.cluster };
  return { client, deployment, close: () => client.close() };
}

// A hub reads its watermarks from whatever replica answers: it must have every insert that was confirmed.
const CLUSTER_SETTINGS = {
  distributed_foreground_insert: 1,
  insert_quorum: 'auto',
  insert_quorum_parallel: 0,
  select_sequential_consistency: '1',
} as const satisfies ClickHouseSettings;

/** The embedded engine itself, for callers that serve it on; `openStore` puts a client before it. */
export function openEngine(dataDir: string, engine: Partial<EngineLimits> = {}): ChdbConnection {
  const limits = { ...DEFAULT_ENGINE_LIMITS, ...engine };
  mkdirSync(dataDir, { recursive: true });
  return new ChdbConnection({
    path: join(dataDir, 'engine'),
    spoolDir: join(dataDir, 'spool'),
    sessions: limits.sessions,
    maxWaiting: limits.maxWaiting,
    timeoutMs: STATEMENT_TIMEOUT_MS,
    engineArgs: engineArgs(limits),
    settings: STORE_SETTINGS,
  });
}

function engineArgs(limits: EngineLimits): string[] {
  const args = [`--max_server_memory_usage=${limits.memoryBytes}`, `--mark_cache_size=${limits.markCacheBytes}`];
  if (limits.backupsDir !== '') args.push(`--backups.allowed_path=${limits.backupsDir}`);
  return args;
}
