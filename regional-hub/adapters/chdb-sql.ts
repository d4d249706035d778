/** Settings of ClickHouse's HTTP layer that the client sends along; the embedded engine knows none of them. */
const HTTP_ONLY_SETTINGS: ReadonlySet<string> = new Set([
  'wait_end_of_query',
  'send_progress_in_http_headers',
  'http_headers_progress_interval_ms',
  'http_response_buffer_size',
  'http_send_progress_interval_ms',
  'enable_http_compression',
  'http_zlib_compression_level',
  'default_format',
  'database',
]);

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

const TSV_ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\0': '\\0',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

/** `value` as a literal of ClickHouse's SQL. */
export function sqlLiteral(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (typeof value === 'boolean') return value ? '1' : '0';
  return `'${String(value).replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** A query parameter as text, by the rules the HTTP client follows: TSV outside, SQL literals inside arrays; dates keep their milliseconds. */
export function paramText(value: unknown): string {
  if (value === null || value === undefined) return '\\N';
  if (value instanceof Date) return epochSeconds(value);
  if (Array.isArray(value)) return nestedText(value);
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (typeof value === 'object') throw new TypeError('only scalars, dates and arrays can be query parameters');
  return String(value).replace(/[\\\0\b\f\n\r\t]/g, (char) => TSV_ESCAPES[char] ?? char);
}

/** Settings that the engine can take, by name; throws for a name that is none. */
export function engineSettings(settings: Readonly<Record<string, unknown>> | undefined): Map<string, string> {
  const literals = new Map<string, string>();
  for (const [name, value] of Object.entries(settings ?? {})) {
    if (value === undefined || HTTP_ONLY_SETTINGS.has(name)) continue;
    assertName(name, 'setting');
    literals.set(name, sqlLiteral(value));
  }
  return literals;
}

/** Parameters by the name that the engine's `SET` knows them under. */
export function engineParams(params: Readonly<Record<string, unknown>> | undefined): Map<string, string> {
  const literals = new Map<string, string>();
  for (const [name, value] of Object.entries(params ?? {})) {
    assertName(name, 'parameter');
    literals.set(`param_${name}`, sqlLiteral(paramText(value)));
  }
  return literals;
}

/** An `INSERT … FORMAT x` whose rows lie in a file: nothing of them ever meets the SQL parser. */
export function insertFromFile(sql: string, path: string): string {
  const match = /^\s*INSERT\s+INTO\s+([\s\S]+?)(?:\s+SETTINGS\s+([\s\S]+?))?\s+FORMAT\s+(\w+)\s*;?\s*$/i.exec(sql);
  if (match === null) throw new TypeError('an insert with a body must read INSERT INTO … [SETTINGS …] FORMAT …');
  const settings = match[2] === undefined ? '' : ` SETTINGS ${match[2]}`;
  return `INSERT INTO ${match[1]} FROM INFILE ${sqlLiteral(path)}${settings} FORMAT ${match[3]}`;
}

function nestedText(value: unknown): string {
  if (value === null || value === undefined) return 'NULL';
  if (value instanceof Date) return epochSeconds(value);
  if (Array.isArray(value)) return `[${value.map(nestedText).join(',')}]`;
  return sqlLiteral(value);
}

function epochSeconds(date: Date): string {
  return (date.getTime() / 1_000).toFixed(3);
}

function assertName(name: string, what: string): void {
  if (!NAME.test(name)) throw new TypeError(`not a ${what} name: ${JSON.stringify(name)}`);
}
