import { createDatabase, createTable, createView, type Deployment } from './ddl.ts';
import { DEFAULT_RETENTION, landingTables, type Retention } from './landing-tables.ts';
import { overdueTable } from './overdue-table.ts';
import { rollupTables, rollupViews } from './rollup-tables.ts';
import type { Table } from './table.ts';

/** One step of the schema. Every statement may run twice, and beside itself: two hubs may start at once. */
export type Migration = { readonly version: number; readonly name: string; readonly statements: readonly string[] };

/** Numbers only grow; what has shipped is never changed, only followed. Raise with every migration. */
export const SCHEMA_VERSION = 2;

/** Remembers what was applied; a version may stand in it twice where two hubs raced. */
export const MIGRATIONS_TABLE: Table = {
  name: 'schema_migrations',
  columns: { version: 'UInt32', name: 'String', applied_at: "DateTime64(3, 'UTC')" },
  engine: 'MergeTree',
  partitionBy: 'tuple()',
  primaryKey: ['version'],
  orderBy: ['version'],
  expiresAt: '',
  indices: [],
  projections: [],
};

/** What must exist before a migration can be recorded. */
export function groundwork(deployment: Deployment): string[] {
  return [createDatabase(deployment), ...createTable(MIGRATIONS_TABLE, deployment)];
}

/** Every migration, in order. */
export function migrations(deployment: Deployment, retention: Retention = DEFAULT_RETENTION): Migration[] {
  return [
    { version: 1, name: 'tables and rollups', statements: firstTables(deployment, retention) },
    { version: 2, name: 'ranges that landed late', statements: createTable(overdueTable(retention), deployment) },
  ];
}

function firstTables(deployment: Deployment, retention: Retention): string[] {
  const tables: Table[] = [...Object.values(landingTables(retention)), ...rollupTables(retention)];
  return [
    ...tables.flatMap((table) => createTable(table, deployment)),
    ...rollupViews().map((view) => createView(view, deployment)),
  ];
}
