/** What SQLite gives back in a durable object; Node's twin gives `Uint8Array` where workerd gives `ArrayBuffer`. */
export type SqlValue = ArrayBuffer | Uint8Array | string | number | null;
export type SqlRow = Record<string, SqlValue>;

/**
 * The little of a durable object's SQLite that we use, so that storage runs in Node's tests as it does in workerd. Everything is
 * synchronous: statements without an `await` between them commit together or not at all.
 */
export type SqlPort = {
  /** Runs one statement and gives all its rows. */
  exec<Row extends SqlRow>(query: string, ...bindings: SqlValue[]): Row[];
  /** Runs one statement and gives its rows one at a time; nothing may be written to its table meanwhile. */
  iterate<Row extends SqlRow>(query: string, ...bindings: SqlValue[]): Iterable<Row>;
};

/** The bytes of a blob column. */
export function asBytes(value: ArrayBuffer | Uint8Array): Uint8Array {
  return value instanceof ArrayBuffer ? new Uint8Array(value) : value;
}
