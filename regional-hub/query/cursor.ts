import { createHash } from 'node:crypto';
import { badRequest } from '../http/request-error.ts';
import type { QueryRequest, RowKey } from './query-request.ts';

const CURSOR_LENGTH_MAX = 1_000;

/** Text that leads on from a row. It is tied to its query, and holds nothing that the row did not show. */
export function encodeCursor(key: RowKey, request: Omit<QueryRequest, 'after'>): string {
  return Buffer.from(JSON.stringify([tieOf(request), key.windowSecond, ...key.dimensions])).toString('base64url');
}

/** Reads a cursor; throws `RequestError` 400 for any text that this query did not give out. */
export function decodeCursor(text: string, request: Omit<QueryRequest, 'after'>): RowKey {
  const parts = text.length <= CURSOR_LENGTH_MAX ? readParts(text) : null;
  const [tie, windowSecond, ...dimensions] = parts ?? [];
  const isWhole = Number.isSafeInteger(windowSecond) && Number(windowSecond) >= 0 && Number(windowSecond) < 2 ** 32;
  const isOurs = tie === tieOf(request) && isWhole && dimensions.length === request.groupBy.length;
  if (!isOurs || !dimensions.every((value) => typeof value === 'string')) throw badRequest('cursor belongs to another query', 'bad_cursor');
  return { windowSecond: Number(windowSecond), dimensions };
}

function readParts(text: string): unknown[] | null {
  try {
    const parts: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    return Array.isArray(parts) ? parts : null;
  } catch {
    return null;
  }
}

function tieOf({ groupBy, filters, range, granularity, zone }: Omit<QueryRequest, 'after'>): string {
  return createHash('sha256').update(JSON.stringify([groupBy, filters, range, granularity, zone])).digest('base64url').slice(0, 8);
}
