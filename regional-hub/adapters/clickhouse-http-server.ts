import { randomUUID, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { ClickHouseError } from '@clickhouse/client';
import { TrackingError } from '../../core/errors.ts';
import type { Connection } from './chdb-connection.ts';
import { readStatement, RequestRefused, type StatementRequest } from './clickhouse-http-request.ts';

/** A mishap for one request, for tests of whoever talks to a server. */
export type HttpFault =
  | { readonly kind: 'none' }
  /** Nothing is executed, the caller hears `status`. */
  | { readonly kind: 'fail_before'; readonly status: number }
  /** It is executed, the caller hears `status`. */
  | { readonly kind: 'fail_after'; readonly status: number }
  /** It is executed, the caller hears nothing. */
  | { readonly kind: 'hang_up_after' }
  | { readonly kind: 'delay'; readonly delayMs: number }
  /** It is executed twice, as by a proxy that repeats. */
  | { readonly kind: 'twice' };

export type ClickHouseHttpOptions = {
  readonly connection: Connection;
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  /** Asked of every caller where it is not ''. */
  readonly password: string;
  readonly fault?: (sql: string) => HttpFault;
};

export type ClickHouseHttpServer = {
  readonly url: string;
  /** Refuses new requests, lets those under way end, and stops listening. */
  close(): Promise<void>;
};

/** Serves the embedded engine on ClickHouse's HTTP protocol, as far as the client speaks it. The connection is the caller's to close. */
export async function serveClickHouse(options: ClickHouseHttpOptions): Promise<ClickHouseHttpServer> {
  const server = createServer({ maxHeaderSize: HEADER_BYTES_MAX }, (request, response) => void answer(options, request, response));
  // a caller decides how long a statement may take
  server.requestTimeout = 0;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://${options.host}:${port}`, close: () => closeServer(server) };
}

const KEEP_ALIVE_MS = 10_000;
/** The client puts parameters into the address, and ClickHouse takes one of this length; Node's 16 KiB would be 150 filter values. Beyond it, 431. */
const HEADER_BYTES_MAX = 1_048_576;

async function answer(options: ClickHouseHttpOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  response.on('close', () => response.writableFinished || gone.abort());
  response.setHeader('X-ClickHouse-Server-Display-Name', 'edgetally-embedded');
  response.setHeader('X-ClickHouse-Timezone', 'UTC');
  try {
    const url = new URL(request.url ?? '/', 'http://engine');
    if (url.pathname === '/ping' || url.pathname === '/replicas_status') return void response.end('Ok.\n');
    if (url.pathname !== '/') return void response.writeHead(404).end('There is no handle here; POST statements to /\n');
    checkPassword(options.password, request, url);
    await run(options, await readStatement(request, url), { request, response, signal: gone.signal });
  } catch (error) {
    if (!gone.signal.aborted) sendError(response, error);
  }
}

type Exchange = { readonly request: IncomingMessage; readonly response: ServerResponse; readonly signal: AbortSignal };

async function run(options: ClickHouseHttpOptions, statement: StatementRequest, exchange: Exchange): Promise<void> {
  const fault = options.fault?.(statement.sql) ?? { kind: 'none' };
  if (fault.kind === 'fail_before') return fail(exchange.response, fault.status);
  if (fault.kind === 'delay') await new Promise((resolve) => setTimeout(resolve, fault.delayMs));
  const queryId = statement.queryId ?? randomUUID();
  const result = fault.kind === 'twice' ? await executeTwice(options, statement, exchange) : await execute(options, statement, exchange);
  if (fault.kind === 'fail_after') return fail(exchange.response, fault.status);
  if (fault.kind === 'hang_up_after') return void exchange.response.destroy();
  exchange.response.setHeader('X-ClickHouse-Query-Id', queryId);
  if (result.summary !== undefined) exchange.response.setHeader('X-ClickHouse-Summary', JSON.stringify(result.summary));
  await send(exchange, statement, result.stream);
}

type Result = Pick<Awaited<ReturnType<Connection['exec']>>, 'stream' | 'summary'>;

function execute({ connection }: ClickHouseHttpOptions, statement: StatementRequest, { signal }: Exchange): Promise<Result> {
  return connection.exec({
    query: statement.sql,
    ...(statement.body === null ? {} : { values: statement.body }),
    clickhouse_settings: statement.settings,
    query_params: statement.params,
    abort_signal: signal,
  });
}

async function executeTwice(options: ClickHouseHttpOptions, statement: StatementRequest, exchange: Exchange): Promise<Result> {
  if (statement.body === null) {
    await execute(options, statement, exchange);
    return execute(options, statement, exchange);
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of statement.body) chunks.push(chunk);
  await execute(options, { ...statement, body: Readable.from(chunks, { objectMode: false }) }, exchange);
  return execute(options, { ...statement, body: Readable.from(chunks, { objectMode: false }) }, exchange);
}

async function send({ request, response }: Exchange, { settings }: StatementRequest, stream: Readable): Promise<void> {
  const wantsGzip = settings['enable_http_compression'] === '1' && String(request.headers['accept-encoding'] ?? '').includes('gzip');
  response.setHeader('Content-Type', 'application/octet-stream');
  if (!wantsGzip) return pipeline(stream, response);
  response.setHeader('Content-Encoding', 'gzip');
  return pipeline(stream, createGzip(), response);
}

function checkPassword(password: string, request: IncomingMessage, url: URL): void {
  if (password === '') return;
  const basic = /^Basic (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  const fromBasic = basic === undefined ? undefined : Buffer.from(basic, 'base64').toString().split(':').slice(1).join(':');
  const given = Buffer.from(fromBasic ?? String(request.headers['x-clickhouse-key'] ?? url.searchParams.get('password') ?? ''));
  const wanted = Buffer.from(password);
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
    throw new RequestRefused(403, 516, 'AUTHENTICATION_FAILED', 'Authentication failed: password is incorrect');
  }
}

function fail(response: ServerResponse, status: number): void {
  response.writeHead(status).end(`Code: 210. DB::Exception: a fault that was asked for. (NETWORK_ERROR)\n`);
}

function sendError(response: ServerResponse, error: unknown): void {
  const { status, code, text } = describeError(error);
  if (response.headersSent) return void response.destroy();
  response.writeHead(status, { 'X-ClickHouse-Exception-Code': String(code), 'Content-Type': 'text/plain; charset=UTF-8' });
  response.end(`${text}\n`);
}

/** Codes that ClickHouse answers with something else than 500. Source: ClickHouse, HTTPHandler exceptionCodeToHTTPStatus. */
const NOT_FOUND_CODES = new Set([46, 47, 48, 50, 60, 81, 115, 141]);
const BAD_REQUEST_CODES = new Set([6, 26, 27, 36, 38, 41, 42, 43, 53, 62, 69, 72, 73, 456, 457]);

function describeError(error: unknown): { status: number; code: number; text: string } {
  if (error instanceof RequestRefused) {
    return { status: error.status, code: error.code, text: `Code: ${error.code}. DB::Exception: ${error.message}. (${error.type})` };
  }
  if (error instanceof ClickHouseError) {
    const code = Number(error.code);
    const status = NOT_FOUND_CODES.has(code) ? 404 : BAD_REQUEST_CODES.has(code) ? 400 : 500;
    return { status, code, text: `Code: ${code}. DB::Exception: ${error.message}(${error.type ?? 'UNKNOWN'})` };
  }
  if (error instanceof TrackingError && error.code === 'overloaded') {
    return { status: 503, code: 202, text: `Code: 202. DB::Exception: ${error.message}. (TOO_MANY_SIMULTANEOUS_QUERIES)` };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { status: 500, code: 1002, text: `Code: 1002. DB::Exception: ${message}. (UNKNOWN_EXCEPTION)` };
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  await closed;
}
