import type { SqlStorage } from '@cloudflare/workers-types';
import type { SqlPort, SqlRow, SqlValue } from './sql-port.ts';

/**
 * The SQLite of a durable object. None of our statements fails in the ordinary course of things, and a durable object keeps what was
 * written before one that does: so `onFailure` is called first, and aborts the object, which discards the whole turn.
 */
export function workerdSql(storage: { readonly sql: SqlStorage }, onFailure: (cause: unknown) => void): SqlPort {
  const run = <Row extends SqlRow>(query: string, bindings: SqlValue[]) => {
    try {
      return storage.sql.exec<WorkerdRow<Row>>(query, ...bindings);
    } catch (cause) {
      onFailure(cause);
      throw cause;
    }
  };
  return {
    exec: <Row extends SqlRow>(query: string, ...bindings: SqlValue[]) => run<Row>(query, bindings).toArray() as Row[],
    iterate: <Row extends SqlRow>(query: string, ...bindings: SqlValue[]) => run<Row>(query, bindings) as unknown as Iterable<Row>,
  };
}

/** workerd never gives views. */
type WorkerdRow<Row extends SqlRow> = { [Column in keyof Row]: Exclude<Row[Column], Uint8Array> };
