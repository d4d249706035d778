import type { DatabaseSync } from 'node:sqlite';
import type { SqlPort, SqlRow, SqlValue } from './sql-port.ts';

/** The same port over Node's SQLite. The caller wraps what belongs together in `atomically`, as workerd does by itself. */
export function nodeSql(database: DatabaseSync): SqlPort {
  const bind = (bindings: SqlValue[]) => bindings.map((value) => (value instanceof ArrayBuffer ? new Uint8Array(value) : value));
  return {
    exec: <Row extends SqlRow>(query: string, ...bindings: SqlValue[]) => database.prepare(query).all(...bind(bindings)) as Row[],
    iterate: <Row extends SqlRow>(query: string, ...bindings: SqlValue[]) =>
      database.prepare(query).iterate(...bind(bindings)) as Iterable<Row>,
  };
}

/** One event's turn: all of `work` is stored, or nothing. */
export function atomically<Result>(database: DatabaseSync, work: () => Result): Result {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (cause) {
    database.exec('ROLLBACK');
    throw cause;
  }
}
