import type { SqlPort } from './sql-port.ts';

/** A durable object's single values, as JSON; written only when they change. */
export class MetaTable<Values extends Record<string, unknown>> {
  readonly #sql: SqlPort;

  constructor(sql: SqlPort) {
    this.#sql = sql;
  }

  /** The value as it was last set; undefined before that. */
  get<Key extends keyof Values & string>(key: Key): Values[Key] | undefined {
    const [row] = this.#sql.exec<{ value: string }>('SELECT value FROM meta WHERE key = ?', key);
    return row === undefined ? undefined : (JSON.parse(row.value) as Values[Key]);
  }

  /** Part of the current transaction, as every write. */
  set<Key extends keyof Values & string>(key: Key, value: Values[Key]): void {
    this.#sql.exec('INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value', key, JSON.stringify(value));
  }
}
