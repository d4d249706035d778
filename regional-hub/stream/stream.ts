import type { EpochMs } from '../../core/time.ts';
import { queryPages, questionOf, type QueryDeps, type QueryPage, type QueryReply } from '../query/query-service.ts';
import type { QueryRequest } from '../query/query-request.ts';
import type { Tenant } from '../query/tenant.ts';
import { changedWindowsStatement, coarsestStep } from '../query/window-rows.ts';
import { SentRows } from './sent-rows.ts';

export type StreamDeps = QueryDeps & {
  /** Differs once any hub has finished another range. */
  readonly finishedRanges: () => Promise<bigint>;
  /** Resolves after `delayMs`, or at once when the signal aborts. */
  readonly sleep: (delayMs: number, signal: AbortSignal) => Promise<void>;
};

/** One reader's question. `resumeFromMs` is the last id that it saw; `isStillAllowed` turns false when its key is gone. */
export type StreamReader = {
  readonly request: QueryRequest;
  readonly tenant: Tenant;
  readonly resumeFromMs: EpochMs | null;
  readonly isStillAllowed: () => boolean;
  readonly signal: AbortSignal;
};

/** News for a reader; `id` is the watermark that it gives back when it reconnects, null while more of the same turn follows. */
export type RowsEvent = { readonly kind: 'rows'; readonly id: EpochMs | null; readonly reply: QueryReply };
/** What a reader is sent. */
export type StreamEvent = RowsEvent | { readonly kind: 'heartbeat' };

/**
 * Ranges become visible out of the order of their claims. Look back this far: clocks of hubs may be 100 s apart, a range takes 10 s at most, and 10 s are left to see it.
 * One that takes longer is noted as overdue by its sink, and looked for by its note.
 */
export const OVERLAP_MS = 120_000;
/** A reader hears of changes at most so often, whichever hub stored them. */
export const TURN_MS = 500;
/** Keeps proxies from closing a quiet connection. */
export const HEARTBEAT_MS = 15_000;
/** Past so many changed windows the whole result is asked for again: naming them would cost more. */
export const CHANGED_WINDOWS_MAX = 1_000;
/** The store is asked for so many rows at least, however few an event may hold: a small `limit` must not cost a statement for each event. */
export const PAGE_ROWS_MIN = 10_000;

/**
 * The rows of a question, then, until the signal aborts, the rows of windows that changed. A reader that resumes begins with what
 * changed since its last id. A row may come twice; none that changed is left out.
 */
export async function* streamRows(deps: StreamDeps, reader: StreamReader): AsyncGenerator<StreamEvent, void> {
  const sent = new SentRows(reader.request.groupBy);
  const state = { finished: await deps.finishedRanges(), watermarkMs: await deps.watermarkMs(), quietMs: 0 };
  const first = { sinceMs: reader.resumeFromMs, watermarkMs: state.watermarkMs };
  yield* turnEvents(deps, reader, { sent, turn: first, answersNothing: true });
  for (;;) {
    const turn = await nextTurn(deps, reader, state);
    if (turn.kind === 'end') return;
    if (turn.kind === 'heartbeat') {
      state.quietMs = 0;
      yield turn;
      continue;
    }
    const hasNews = yield* turnEvents(deps, reader, { sent, turn, answersNothing: false });
    if (hasNews) state.quietMs = 0;
    state.watermarkMs = turn.watermarkMs;
  }
}

/** What changed since a time (null: everything there is), told as of a watermark that was read before it. */
type Changes = { readonly sinceMs: EpochMs | null; readonly watermarkMs: EpochMs };
type Turn = { readonly kind: 'end' } | { readonly kind: 'heartbeat' } | ({ readonly kind: 'changed' } & Changes);
type StreamState = { finished: bigint; watermarkMs: EpochMs; quietMs: number };

/** Sleeps until something was stored, or a heartbeat is due, or the reader is gone. */
async function nextTurn(deps: StreamDeps, reader: StreamReader, state: StreamState): Promise<Turn> {
  while (state.quietMs < HEARTBEAT_MS) {
    await deps.sleep(TURN_MS, reader.signal);
    state.quietMs += TURN_MS;
    if (isGone(reader)) return { kind: 'end' };
    const finished = await deps.finishedRanges();
    if (finished === state.finished) continue;
    state.finished = finished;
    return { kind: 'changed', sinceMs: state.watermarkMs, watermarkMs: Math.max(state.watermarkMs, await deps.watermarkMs()) };
  }
  return { kind: 'heartbeat' };
}

function isGone({ signal, isStillAllowed }: StreamReader): boolean {
  return signal.aborted || !isStillAllowed();
}

/**
 * All news of a turn, `limit` rows an event, made as they are taken; true if there was any. Only the last event bears the watermark:
 * whoever breaks off before it has the one before, and gets the whole turn again. `answersNothing` sends an event without rows too.
 */
async function* turnEvents(deps: StreamDeps, reader: StreamReader, { sent, turn, answersNothing }: { sent: SentRows; turn: Changes; answersNothing: boolean }): AsyncGenerator<RowsEvent, boolean> {
  let hasNews = answersNothing;
  let suppressed = 0;
  for await (const { rows, meta, next } of pagesSince(deps, reader, turn.sinceMs)) {
    suppressed += meta.suppressed;
    const parts = cut(sent.onlyNew(rows), reader.request.limit);
    // The last page may hold no news: the watermark is owed all the same.
    if (next === null && parts.length === 0 && hasNews) parts.push([]);
    for (const [index, part] of parts.entries()) {
      if (isGone(reader)) return hasNews;
      const isLast = next === null && index === parts.length - 1;
      yield { kind: 'rows', id: isLast ? turn.watermarkMs : null, reply: { rows: part, meta: { ...meta, suppressed, cursor: null } } };
      hasNews = true;
      suppressed = 0;
    }
  }
  return hasNews;
}

function cut<Item>(items: readonly Item[], size: number): (readonly Item[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size));
}

async function* pagesSince(deps: StreamDeps, { request, tenant }: StreamReader, sinceMs: EpochMs | null): AsyncGenerator<QueryPage, void> {
  const paged = { ...request, limit: Math.max(request.limit, PAGE_ROWS_MIN) };
  const windows = sinceMs === null || request.granularity === 'total' ? null : await changedWindows(deps, { request, tenant, sinceMs });
  yield* queryPages(deps, windows === null ? paged : narrowed(paged, windows), tenant, windows);
}

/** First seconds of the windows that changed, rising; null when there are too many to name. */
async function changedWindows(deps: StreamDeps, { request, tenant, sinceMs }: { request: QueryRequest; tenant: Tenant; sinceMs: EpochMs }): Promise<readonly number[] | null> {
  const question = { ...questionOf(request, tenant, null), limit: CHANGED_WINDOWS_MAX + 1 };
  const found = await deps.engine.rows(changedWindowsStatement(question, tenant, Math.max(0, sinceMs - OVERLAP_MS)));
  return found.length > CHANGED_WINDOWS_MAX ? null : found.map((row) => Number(row['window_second']));
}

/** Days are longer where clocks are put back: 26 hours in Antarctica/Troll. To read on for a little changes no row. */
const WINDOW_SECONDS_MAX = { '1s': 1, '1m': 60, '1h': 3_600, '1d': 172_800, total: 0 } as const;

/** The part of the range that holds the windows whole, so that the engine reads no more. */
function narrowed(request: QueryRequest, windows: readonly number[]): QueryRequest {
  const { fromSecond, toSecond } = request.range;
  const first = windows[0] ?? fromSecond;
  const last = windows.at(-1) ?? first;
  const step = coarsestStep(request);
  const end = Math.ceil((last + WINDOW_SECONDS_MAX[request.granularity]) / step) * step;
  const from = Math.max(fromSecond, first);
  return { ...request, range: { fromSecond: from, toSecond: Math.max(from, Math.min(toSecond, end)) } };
}
