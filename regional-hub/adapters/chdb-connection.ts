import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { ChdbResult } from 'chdb';
import { parseError, type ClickHouseClientConfigOptions } from '@clickhouse/client';
import { TrackingError } from '../../core/errors.ts';
import { assignments, ChdbSessionPool, type EngineSession } from './chdb-sessions.ts';
import { engineParams, engineSettings, insertFromFile } from './chdb-sql.ts';
import { InsertSpool } from './chdb-spool.ts';

/** The contract that the client speaks to a backend by; the package does not export it under a name. */
export type Connection = NonNullable<ClickHouseClientConfigOptions['connection']>;
type StatementParams = Parameters<Connection['query']>[0];
type InsertParams = Parameters<Connection['insert']>[0];
type ExecParams = Parameters<Connection['exec']>[0];
type Summary = NonNullable<Awaited<ReturnType<Connection['insert']>>['summary']>;
type BaseResult = { query_id: string; response_headers: Record<string, string>; http_status_code: number };

export type ChdbConnectionOptions = {
  /** Data folder; one process may have it open. */
  readonly path: string;
  /** Where bodies of inserts lie while they are loaded; emptied at the start. */
  readonly spoolDir: string;
  /** Statements at a time. */
  readonly sessions: number;
  readonly maxWaiting: number;
  /** A statement that runs longer is killed. */
  readonly timeoutMs: number;
  readonly engineArgs: readonly string[];
  readonly settings: Readonly<Record<string, string | number>>;
};

/**
 * The embedded engine behind the real client. Settings and parameters end with their statement, bodies of inserts never meet the SQL
 * parser, an abort or a timeout stops the query itself, and statements run side by side.
 */
export class ChdbConnection implements Connection {
  readonly #options: ChdbConnectionOptions;
  readonly #defaults: ReadonlyMap<string, string>;
  readonly #pool: ChdbSessionPool;
  readonly #spool: InsertSpool;

  constructor(options: ChdbConnectionOptions) {
    this.#options = options;
    this.#defaults = engineSettings(options.settings);
    this.#spool = new InsertSpool(options.spoolDir);
    this.#pool = new ChdbSessionPool({ ...options, defaults: this.#defaults });
  }

  async query(params: StatementParams): Promise<BaseResult & { stream: Readable }> {
    const result = await this.#run(params.query, params);
    return { ...baseResult(params), stream: readableOf(result) };
  }

  async command(params: StatementParams): Promise<BaseResult & { summary: Summary }> {
    const result = await this.#run(params.query, params);
    return { ...baseResult(params), summary: summaryOf(result, 0) };
  }

  async exec(params: ExecParams): Promise<BaseResult & { stream: Readable; summary: Summary }> {
    if (params.values !== undefined) {
      const inserted = await this.insert({ ...params, values: params.values });
      return { ...inserted, stream: Readable.from([], { objectMode: false }) };
    }
    const result = await this.#run(params.query, params);
    return { ...baseResult(params), stream: readableOf(result), summary: summaryOf(result, 0) };
  }

  async insert(params: InsertParams): Promise<BaseResult & { summary: Summary }> {
    const file = await this.#spool.write(params.values);
    try {
      if (file.byteCount === 0) return { ...baseResult(params), summary: summaryOf(null, 0) };
      const result = await this.#run(insertFromFile(params.query, file.path), params);
      return { ...baseResult(params), summary: summaryOf(result, result.rowsRead) };
    } finally {
      await this.#spool.remove(file);
    }
  }

  async ping(): Promise<{ success: true } | { success: false; error: Error }> {
    try {
      await this.#run('SELECT 1', { query: 'SELECT 1' });
      return { success: true };
    } catch (error) {
      return { success: false, error: error instanceof Error ? error : new Error(String(error)) };
    }
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  async #run(sql: string, params: StatementParams): Promise<ChdbResult> {
    if (params.session_id !== undefined || params.role !== undefined) {
      throw new TrackingError('bad_configuration', 'the embedded engine has neither client sessions nor roles');
    }
    const deadline = AbortSignal.timeout(this.#options.timeoutMs);
    const stop = params.abort_signal === undefined ? deadline : AbortSignal.any([deadline, params.abort_signal]);
    stop.throwIfAborted();
    const session = await this.#pool.acquire(stop);
    const settings = this.#unusual(params.clickhouse_settings);
    try {
      await this.#prepare(session, sql, settings, engineParams(params.query_params));
      const result = await this.#runStoppable(session, sql, { stop, format: params.clickhouse_settings?.default_format });
      await this.#restore(session, settings);
      this.#pool.release(session);
      return result;
    } catch (error) {
      // The engine keeps what a failed statement had already written and puts it before the session's next answer: never use it again.
      this.#pool.retire(session);
      throw error;
    }
  }

  #unusual(asked: StatementParams['clickhouse_settings']): Map<string, string> {
    const settings = engineSettings(asked);
    for (const [name, literal] of settings) if (this.#defaults.get(name) === literal) settings.delete(name);
    return settings;
  }

  async #prepare(session: EngineSession, sql: string, settings: Map<string, string>, params: Map<string, string>): Promise<void> {
    for (const name of session.staleParams) {
      const given = params.has(name);
      if (!given && sql.includes(`{${name.slice('param_'.length)}:`)) throw new TypeError(`query parameter ${name.slice(6)} is not set`);
    }
    const all = new Map([...settings, ...params]);
    if (all.size === 0) return;
    for (const name of params.keys()) session.staleParams.add(name);
    await session.run(`SET ${assignments(all)}`).catch(rethrowParsed);
  }

  async #runStoppable(
    session: EngineSession,
    sql: string,
    { stop, format }: { stop: AbortSignal; format: unknown },
  ): Promise<ChdbResult> {
    const tag = `q_${randomUUID()}`;
    const onStop = (): void => void this.#pool.kill(tag);
    stop.addEventListener('abort', onStop, { once: true });
    try {
      stop.throwIfAborted();
      return await session.run(`/*${tag}*/ ${sql}`, typeof format === 'string' ? format : undefined);
    } catch (error) {
      if (stop.aborted) throw stoppedError(stop.reason, error);
      return rethrowParsed(error);
    } finally {
      stop.removeEventListener('abort', onStop);
    }
  }

  // Nothing that a statement set may outlive it: a leaked deduplication token would swallow the next insert.
  async #restore(session: EngineSession, settings: Map<string, string>): Promise<void> {
    if (settings.size === 0) return;
    const resets = new Map<string, string>();
    for (const name of settings.keys()) resets.set(name, this.#defaults.get(name) ?? 'DEFAULT');
    await session.run(`SET ${assignments(resets)}`);
  }
}

function rethrowParsed(error: unknown): never {
  const parsed = parseError(error instanceof Error ? error.message : String(error));
  parsed.cause = error;
  throw parsed;
}

function stoppedError(reason: unknown, cause: unknown): Error {
  const timedOut = reason instanceof DOMException && reason.name === 'TimeoutError';
  return new Error(timedOut ? 'Timeout error.' : 'The user aborted a request.', { cause });
}

function baseResult(params: { query_id?: string | undefined }): BaseResult {
  return { query_id: params.query_id ?? randomUUID(), response_headers: {}, http_status_code: 200 };
}

function readableOf(result: ChdbResult): Readable {
  const stream = Readable.from([Buffer.from(result.bytes())], { objectMode: false });
  // a result set that is closed unread destroys its stream with an error that nobody listens for
  stream.on('error', () => undefined);
  return stream;
}

function summaryOf(result: ChdbResult | null, writtenRows: number): Summary {
  return {
    read_rows: String(result?.rowsRead ?? 0),
    read_bytes: String(result?.bytesRead ?? 0),
    written_rows: String(writtenRows),
    written_bytes: '0',
    total_rows_to_read: '0',
    result_rows: '0',
    result_bytes: '0',
    elapsed_ns: String(Math.round((result?.elapsed ?? 0) * 1e9)),
  };
}
