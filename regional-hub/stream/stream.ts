import type { EpochMs } from '../../core/time.ts';
import { questionOf, runQuery, type QueryDeps, type QueryReply } from '../query/query-service.ts';
import type { QueryRequest } from '../query/query-request.ts';
import type { Tenant } from '../query/tenant.ts';
import { changedWindowsStatement, coarsestStep } from '../query/window-rows.ts';
import { ChangeBell, type ChangeFeed } from './change-bell.ts';
import { SentRows } from './sent-rows.ts';

export type StreamDeps = QueryDeps & {
  readonly changes: ChangeFeed;
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

/** What a reader is sent; `id` is the watermark that it gives back when it reconnects. */
export type StreamEvent = { readonly kind: 'rows'; readonly id: number; readonly reply: QueryReply } | { readonly kind: 'heartbeat' };

/** Ranges become visible a little out of the order of their times (partitions run side by side, a crashed one is repeated): look back this far. */
export const OVERLAP_MS = 120_000;
/** A reader hears of changes at most so often, and of other hubs' changes within one more turn. */
export const TURN_MS = 500;
/** Keeps proxies from closing a quiet connection. */
export const HEARTBEAT_MS = 15_000;
/** Past so many changed windows the whole result is asked for again: naming them would cost more. */
export const CHANGED_WINDOWS_MAX = 1_000;

/**
 * The rows of a question, then, until the signal aborts, the rows of windows that changed. A reader that resumes begins with what
 * changed since its last id. A row may come twice; none that changed is left out.
 */
export async function* streamRows(deps: StreamDeps, reader: StreamReader): AsyncGenerator<StreamEvent> {
  const sent = new SentRows(reader.request.groupBy);
  const bell = new ChangeBell(deps.changes);
  const state = { bell, watermarkMs: await deps.watermarkMs(), quietMs: 0 };
  try {
    const first = await rowsSince(deps, reader, reader.resumeFromMs);
    yield { kind: 'rows', id: state.watermarkMs, reply: { ...first, rows: sent.onlyNew(first.rows) } };
    for (;;) {
      const turn = await nextTurn(deps, reader, state);
      if (turn.kind === 'end') return;
      const event = turn.kind === 'heartbeat' ? turn : await newsSince(deps, reader, { sent, turn });
      if (turn.kind === 'changed') state.watermarkMs = turn.watermarkMs;
      if (event === null) continue;
      state.quietMs = 0;
      yield event;
    }
  } finally {
    bell.close();
  }
}

type ChangedTurn = { readonly kind: 'changed'; readonly sinceMs: EpochMs; readonly watermarkMs: EpochMs };
type Turn = { readonly kind: 'end' } | { readonly kind: 'heartbeat' } | ChangedTurn;
type StreamState = { readonly bell: ChangeBell; watermarkMs: EpochMs; quietMs: number };

/** Sleeps until something was stored, or a heartbeat is due, or the reader is gone. */
async function nextTurn(deps: StreamDeps, reader: StreamReader, state: StreamState): Promise<Turn> {
  while (state.quietMs < HEARTBEAT_MS) {
    await deps.sleep(TURN_MS, reader.signal);
    state.quietMs += TURN_MS;
    if (reader.signal.aborted || !reader.isStillAllowed()) return { kind: 'end' };
    const rungMs = state.bell.takeOldestMs();
    const watermarkMs = Math.max(state.watermarkMs, await deps.watermarkMs());
    const isNews = rungMs !== null || watermarkMs > state.watermarkMs;
    if (isNews) return { kind: 'changed', sinceMs: Math.min(state.watermarkMs, rungMs ?? state.watermarkMs), watermarkMs };
  }
  return { kind: 'heartbeat' };
}

async function newsSince(deps: StreamDeps, reader: StreamReader, { sent, turn }: { sent: SentRows; turn: ChangedTurn }): Promise<StreamEvent | null> {
  const changed = await rowsSince(deps, reader, turn.sinceMs);
  const rows = sent.onlyNew(changed.rows);
  return rows.length > 0 ? { kind: 'rows', id: turn.watermarkMs, reply: { ...changed, rows } } : null;
}

async function rowsSince(deps: StreamDeps, { request, tenant }: StreamReader, sinceMs: EpochMs | null): Promise<QueryReply> {
  if (sinceMs === null || request.granularity === 'total') return runQuery(deps, request, tenant);
  const question = { ...questionOf(request, tenant, null), limit: CHANGED_WINDOWS_MAX + 1 };
  const found = await deps.engine.rows(changedWindowsStatement(question, tenant, Math.max(0, sinceMs - OVERLAP_MS)));
  const windows = found.map((row) => Number(row['window_second']));
  if (windows.length > CHANGED_WINDOWS_MAX) return runQuery(deps, request, tenant);
  return runQuery(deps, narrowed(request, windows), tenant, windows);
}

const WINDOW_SECONDS_MAX = { '1s': 1, '1m': 60, '1h': 3_600, '1d': 90_000, total: 0 } as const;

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
