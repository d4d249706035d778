import { createBrotliDecompress, createGunzip, createZstdDecompress } from 'node:zlib';
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';

/** One statement as it came over HTTP. */
export type StatementRequest = {
  readonly sql: string;
  /** Rows of an `INSERT … FORMAT …`; null where the statement is all there is. */
  readonly body: Readable | null;
  readonly queryId: string | undefined;
  readonly settings: Readonly<Record<string, string>>;
  readonly params: Readonly<Record<string, string>>;
};

/** A request that ClickHouse's HTTP door would refuse, by its own code. */
export class RequestRefused extends Error {
  readonly status: number;
  readonly code: number;
  readonly type: string;

  constructor(status: number, code: number, type: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
    this.type = type;
  }
}

/** URL parameters that are neither settings nor statement parameters. */
const OWN = new Set(['query', 'query_id', 'database', 'user', 'password', 'quota_key', 'session_id', 'session_timeout', 'session_check', 'role']);
/** Statements are text; rows come as a body beside them. */
const MAX_SQL_BYTES = 4 * 1_048_576;

/** Reads a statement from URL and body as ClickHouse does: `?query=` with rows as body, or the body as the statement. */
export async function readStatement(request: IncomingMessage, url: URL): Promise<StatementRequest> {
  refuseUnsupported(request, url);
  const given = url.searchParams.get('query');
  const content = decompressed(request);
  const isInsert = given !== null && /^\s*INSERT\b/i.test(given) && /\bFORMAT\s+\w+\s*;?\s*$/i.test(given);
  const sql = isInsert ? given : [given ?? '', await textOf(content)].filter((part) => part !== '').join('\n');
  if (!isInsert && hasInlineRows(sql)) {
    throw new RequestRefused(400, 36, 'BAD_ARGUMENTS', 'give the statement as ?query= and its rows as the body');
  }
  return { sql, body: isInsert ? content : null, queryId: url.searchParams.get('query_id') ?? undefined, ...settingsAndParams(url) };
}

function settingsAndParams(url: URL): { settings: Record<string, string>; params: Record<string, string> } {
  const settings: Record<string, string> = {};
  const params: Record<string, string> = {};
  for (const [name, value] of url.searchParams) {
    if (name.startsWith('param_')) params[name.slice('param_'.length)] = value;
    else if (!OWN.has(name)) settings[name] = value;
  }
  return { settings, params };
}

function refuseUnsupported(request: IncomingMessage, url: URL): void {
  const database = url.searchParams.get('database') ?? request.headers['x-clickhouse-database'] ?? 'default';
  if (database !== 'default') throw new RequestRefused(400, 36, 'BAD_ARGUMENTS', 'name the database in the statement: this engine serves default alone');
  for (const name of ['session_id', 'role']) {
    if (url.searchParams.has(name)) throw new RequestRefused(400, 36, 'BAD_ARGUMENTS', `${name} is not served by the embedded engine`);
  }
  if (String(request.headers['content-type'] ?? '').startsWith('multipart/')) {
    throw new RequestRefused(400, 36, 'BAD_ARGUMENTS', 'multipart bodies are not served: send parameters in the URL');
  }
}

function decompressed(request: IncomingMessage): Readable {
  switch (request.headers['content-encoding']) {
    case undefined:
    case 'identity':
      return request;
    case 'gzip':
      return piped(request, createGunzip());
    case 'br':
      return piped(request, createBrotliDecompress());
    case 'zstd':
      return piped(request, createZstdDecompress());
    default:
      throw new RequestRefused(400, 432, 'UNKNOWN_CODEC', `unknown content encoding ${request.headers['content-encoding']}`);
  }
}

function piped(request: IncomingMessage, inflate: Readable & NodeJS.WritableStream): Readable {
  request.on('error', (error) => inflate.destroy(error));
  return request.pipe(inflate);
}

async function textOf(content: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of content) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_SQL_BYTES) throw new RequestRefused(400, 62, 'SYNTAX_ERROR', `a statement is at most ${MAX_SQL_BYTES} bytes`);
  }
  return Buffer.concat(chunks).toString('utf8');
}

// Rows behind a FORMAT in the statement itself would meet the SQL parser.
function hasInlineRows(sql: string): boolean {
  return /^\s*INSERT\b[^;']*?\bFORMAT\s+(?!VALUES\b)\w+\s*\n\s*\S/i.test(sql);
}
