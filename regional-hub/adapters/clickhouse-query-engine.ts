import type { ClickHouseClient } from '@clickhouse/client';
import { RequestError } from '../http/request-error.ts';
import type { Statement } from '../query/builder.ts';
import type { EngineRow, QueryEngine } from '../query/engine.ts';

/** A reader waits no longer; dashboards ask again, and reports can ask for less. */
export const QUERY_TIMEOUT_MS = 30_000;

/** Reads through the ClickHouse client, embedded or over the network. Statements are stopped at the timeout, not merely forgotten. */
export class ClickHouseQueryEngine implements QueryEngine {
  readonly #client: ClickHouseClient;
  readonly #timeoutMs: number;

  constructor(client: ClickHouseClient, timeoutMs = QUERY_TIMEOUT_MS) {
    this.#client = client;
    this.#timeoutMs = timeoutMs;
  }

  async rows({ sql, params }: Statement): Promise<readonly EngineRow[]> {
    const timeout = AbortSignal.timeout(this.#timeoutMs);
    try {
      const result = await this.#client.query({
        query: sql,
        query_params: { ...params },
        format: 'JSONEachRow',
        abort_signal: timeout,
        clickhouse_settings: { output_format_json_quote_64bit_integers: 1 },
      });
      return await result.json<EngineRow>();
    } catch (cause) {
      if (timeout.aborted) throw new RequestError(503, 'query_timeout', `the query took over ${this.#timeoutMs / 1_000} s; ask for less at once`, { cause });
      if (isUnreachable(cause)) throw new RequestError(503, 'store_unavailable', 'the store cannot be reached just now', { cause });
      throw cause;
    }
  }
}

const UNREACHABLE_CODES: ReadonlySet<unknown> = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'overloaded', 'unavailable']);

function isUnreachable(cause: unknown): boolean {
  return cause instanceof Error && UNREACHABLE_CODES.has((cause as Error & { code?: unknown }).code);
}
