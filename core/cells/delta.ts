import { DISPOSITIONS } from '../disposition.ts';
import { assert } from '../errors.ts';
import { EVENT_KINDS } from '../event.ts';
import { MAX_EPOCH_MS, SECOND_MS } from '../time.ts';
import type { DeltaRow, LedgerRow, ViewerHashes } from './cell.ts';

const MAX_SECOND = MAX_EPOCH_MS / SECOND_MS;
const KIND_MAX = Math.max(...Object.values(EVENT_KINDS));
/** Reasons index a 32-bit mask. */
const REASON_LIMIT = 32;
/** One cell of one second counts no more than this, so that sums over years stay whole numbers. */
export const MAX_CELL_COUNT = 1_000_000_000;

/** Believes in a row, before it enters the outbox and after it comes out of a frame. */
export function assertDelta(row: DeltaRow): void {
  const fault = deltaFault(row);
  assert(fault === null, `delta row: ${fault}`);
}

/** What no shard can have written, or null. */
export function deltaFault(row: DeltaRow): string | null {
  if (!isSecond(row.second)) return `second ${row.second}`;
  return outcomeFault(row) ?? measureFault(row) ?? (row.viewers === null ? null : viewersFault(row.viewers));
}

/** As `deltaFault`, for a term of the ledger. */
export function ledgerFault(row: LedgerRow): string | null {
  if (!isSecond(row.receivedSecond)) return `second ${row.receivedSecond}`;
  if (!isCellCount(row.count)) return `count ${row.count}`;
  return row.term === '' ? 'a term has a name' : null;
}

/** What became of a cell's events; cells of one outcome obey the same rules. */
export type Outcome = Pick<DeltaRow, 'kind' | 'disposition' | 'reason'>;
/** What only some outcomes can have. */
export type Movement = 'billable' | 'viewable' | 'late' | 'costNanos' | 'viewers';

/** Whether cells of this outcome can have any of it: only counted events cost, bill, move a bucket or have viewers. */
export function mayMove({ kind, disposition }: Outcome, what: Movement): boolean {
  if (disposition !== DISPOSITIONS.counted) return false;
  if (what === 'billable') return kind === EVENT_KINDS.click;
  return what !== 'viewable' || kind === EVENT_KINDS.impression || kind === EVENT_KINDS.viewable;
}

/** What no shard can have made of an event, or null. */
export function outcomeFault({ kind, disposition, reason }: Outcome): string | null {
  if (!isWhole(kind, 1, KIND_MAX)) return `unknown kind ${kind}`;
  if (!isWhole(disposition, 1, DISPOSITIONS.rejected - 1)) return `disposition ${disposition} has no cell`;
  if (!isWhole(reason, 0, REASON_LIMIT - 1)) return `unknown reason ${reason}`;
  return (disposition === DISPOSITIONS.counted) === (reason === 0) ? null : `reason ${reason} with disposition ${disposition}`;
}

function measureFault(row: DeltaRow): string | null {
  for (const measure of ['count', 'billable', 'viewable', 'late'] as const) {
    if (!isCellCount(row[measure])) return `${measure} ${row[measure]}`;
  }
  if (!Number.isSafeInteger(row.costNanos)) return `cost ${row.costNanos}`;
  for (const what of ['billable', 'viewable', 'late', 'costNanos'] as const) {
    if (row[what] !== 0 && !mayMove(row, what)) return `${what} ${row[what]} where there can be none`;
  }
  return row.viewers !== null && !mayMove(row, 'viewers') ? 'viewers where there can be none' : null;
}

/** Pairs, ascending by their 64 bits, none of them zero. */
function viewersFault(viewers: ViewerHashes): string | null {
  if (viewers.length === 0 || viewers.length % 2 !== 0) return 'viewers are pairs';
  return ascends(viewers, 0, viewers.length) ? null : 'viewers do not ascend';
}

/** Whether the pairs of halves from `start` to `end` ascend by their 64 bits, none of them zero or there twice. */
export function ascends(halves: Uint32Array, start: number, end: number): boolean {
  let previousLo = 0;
  let previousHi = 0;
  for (let i = start; i < end; i += 2) {
    const lo = halves[i]!;
    const hi = halves[i + 1]!;
    if (hi < previousHi || (hi === previousHi && lo <= previousLo)) return false;
    previousLo = lo;
    previousHi = hi;
  }
  return true;
}

/** Whether a cell can lie in this second since 1970. */
export function isSecond(second: number): boolean {
  return isWhole(second, 0, MAX_SECOND);
}

/** Whether one cell can count so many; of either sign. */
export function isCellCount(count: number): boolean {
  return isWhole(count, -MAX_CELL_COUNT, MAX_CELL_COUNT);
}

function isWhole(value: number, min: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= min && value <= max;
}
