import { assert } from '../../core/errors.ts';
import { tenantColumn, type Tenant } from './tenant.ts';

/** A statement for the engine. Whatever a caller wrote is in `params`, never in `sql`. */
export type Statement = { readonly sql: string; readonly params: Readonly<Record<string, unknown>> };

/** Every table whose rows belong to tenants. */
export type TenantTable = 'deltas' | 'rollup_1m' | 'rollup_1h' | 'rollup_1d' | 'raw_events';

/** Types of parameters that statements bind. */
export type ParameterType = 'UInt32' | 'UInt64' | 'Int64' | 'String' | 'Array(String)' | 'Array(UInt32)';

/**
 * The one door to tenants' rows: every statement over them is written with this, and every table that it reads comes from
 * `read`, which adds the tenant's predicate. (A test walks the sources for statements that go round it.)
 */
export class TenantStatement {
  readonly #tenant: Tenant;
  readonly #params: Record<string, unknown> = {};

  constructor(tenant: Tenant) {
    assert(tenant.kind === 'all' || tenant.ids.length > 0, 'a tenant has an id');
    this.#tenant = tenant;
  }

  /** A placeholder for a value, typed for the engine. */
  bind(type: ParameterType, value: unknown): string {
    const name = `p${Object.keys(this.#params).length}`;
    this.#params[name] = value;
    return `{${name}:${type}}`;
  }

  /** `SELECT columns FROM table` of the tenant's own rows that meet every condition. */
  read(source: { table: TenantTable; columns: readonly string[]; where: readonly string[] }): string {
    const where = [...this.#ownRows(), ...source.where].join(' AND ');
    return `SELECT ${source.columns.join(', ')} FROM edgetally.${source.table} WHERE ${where === '' ? '1' : where}`;
  }

  /** The finished statement. */
  finish(sql: string): Statement {
    return { sql, params: { ...this.#params } };
  }

  #ownRows(): string[] {
    const column = tenantColumn(this.#tenant);
    if (column === null || this.#tenant.kind === 'all') return [];
    return [`${column} IN ${this.bind('Array(String)', this.#tenant.ids)}`];
  }
}
