import { assert } from '../../core/errors.ts';
import type { ColumnType, Table, View } from './table.ts';

/** Where tables live: one engine, or a cluster with replicas. The names that queries use are the same in both. */
export type Deployment =
  | { readonly mode: 'local'; readonly database: string }
  | { readonly mode: 'cluster'; readonly database: string; readonly cluster: string };

/**
 * Blocks that a table remembers, per table: a range's insert leaves one in its landing table and one a touched month in each rollup.
 * It need only outlast the inserts between a crash and the repeat of its last range.
 */
export const DEDUP_WINDOW_BLOCKS = 20_000;
/** A replicated table also forgets by age; a hub may be down for a weekend before another life repeats its range. */
export const DEDUP_WINDOW_SECONDS = 604_800;

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** The database, named as `deployment` says. */
export function createDatabase(deployment: Deployment): string {
  return `CREATE DATABASE IF NOT EXISTS ${checked(deployment.database)}${onCluster(deployment)} ENGINE = Atomic`;
}

/** Statements that create `table` where it is missing; on a cluster the local table and the one that spreads over all of them. */
export function createTable(table: Table, deployment: Deployment): string[] {
  const local = localName(table.name, deployment);
  const create = `CREATE TABLE IF NOT EXISTS ${deployment.database}.${local}${onCluster(deployment)} (\n  ${members(table).join(',\n  ')}\n)
ENGINE = ${engine(table.engine, deployment)}
PARTITION BY ${table.partitionBy}
PRIMARY KEY (${table.primaryKey.join(', ')})
ORDER BY (${table.orderBy.join(', ')})${table.expiresAt === '' ? '' : `\nTTL ${table.expiresAt} DELETE`}
SETTINGS ${settings(table, deployment)}`;
  if (deployment.mode === 'local') return [create];
  const spread = `CREATE TABLE IF NOT EXISTS ${deployment.database}.${table.name}${onCluster(deployment)} AS ${deployment.database}.${local}
ENGINE = Distributed('${checked(deployment.cluster)}', '${deployment.database}', '${local}', ${shardingKey(table)})`;
  return [create, spread];
}

/** A view between two tables; on a cluster between the local ones, so that a block never leaves its replica set. */
export function createView(view: View, deployment: Deployment): string {
  const { database } = deployment;
  const to = `${database}.${localName(view.to, deployment)}`;
  const select = view.select.replace(`{db}.${view.from}`, `${database}.${localName(view.from, deployment)}`);
  return `CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.${view.name}${onCluster(deployment)} TO ${to} AS ${select}`;
}

function members(table: Table): string[] {
  const columns = Object.entries(table.columns).map(([name, type]) => `\`${checked(name)}\` ${type}${codec(type)}`);
  return [
    ...columns,
    ...table.indices.map((index) => `INDEX ${index}`),
    ...table.projections.map((projection) => `PROJECTION ${projection}`),
  ];
}

function codec(type: ColumnType): string {
  switch (type) {
    case "DateTime('UTC')":
    case "DateTime64(3, 'UTC')":
      return ' CODEC(DoubleDelta, ZSTD(1))';
    case 'Int64':
    case 'SimpleAggregateFunction(sum, Int64)':
      return ' CODEC(T64, ZSTD(1))';
    default:
      return ' CODEC(ZSTD(1))';
  }
}

function engine(name: Table['engine'], deployment: Deployment): string {
  if (deployment.mode === 'local') return name;
  return `Replicated${name}('/clickhouse/tables/{shard}/${deployment.database}/{table}', '{replica}')`;
}

// Each engine family ignores the other one's window. A lone engine has no replica: what it confirms must outlive the power.
function settings(table: Table, deployment: Deployment): string {
  const fixed = [
    `non_replicated_deduplication_window = ${DEDUP_WINDOW_BLOCKS}`,
    `replicated_deduplication_window = ${DEDUP_WINDOW_BLOCKS}`,
    `replicated_deduplication_window_seconds = ${DEDUP_WINDOW_SECONDS}`,
  ];
  if (deployment.mode === 'local') fixed.push('fsync_after_insert = 1', 'fsync_part_directory = 1');
  if (table.expiresAt !== '') fixed.push('ttl_only_drop_parts = 1');
  return fixed.join(', ');
}

// A range has one log partition: its block goes to one shard whole, and its repeat to the same one.
function shardingKey(table: Table): string {
  return 'log_partition' in table.columns ? 'log_partition' : 'rand()';
}

function localName(name: string, deployment: Deployment): string {
  return deployment.mode === 'local' ? name : `${name}_local`;
}

function onCluster(deployment: Deployment): string {
  return deployment.mode === 'local' ? '' : ` ON CLUSTER '${checked(deployment.cluster)}'`;
}

function checked(name: string): string {
  assert(NAME.test(name), `'${name}' is a plain name`);
  return name;
}
