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
  return keyFault(row) ?? measureFault(row) ?? (row.viewers === null ? null : viewersFault(row.viewers));
}

/** As `deltaFault`, for a term of the ledger. */
export function ledgerFault(row: LedgerRow): string | null {
  if (!isWhole(row.receivedSecond, 0, MAX_SECOND)) return `second ${row.receivedSecond}`;
  if (!isWhole(row.count, -MAX_CELL_COUNT, MAX_CELL_COUNT)) return `count ${row.count}`;
  return row.term === '' ? 'a term has a name' : null;
}

function keyFault(row: DeltaRow): string | null {
  const { kind, disposition, reason } = row;
  if (!isWhole(row.second, 0, MAX_SECOND)) return `second ${row.second}`;
  if (!isWhole(kind, 1, KIND_MAX)) return `unknown kind ${kind}`;
  if (!isWhole(disposition, 1, DISPOSITIONS.rejected - 1)) return `disposition ${disposition} has no cell`;
  if (!isWhole(reason, 0, REASON_LIMIT - 1)) return `unknown reason ${reason}`;
  return (disposition === DISPOSITIONS.counted) === (reason === 0) ? null : `reason ${reason} with disposition ${disposition}`;
}

function measureFault(row: DeltaRow): string | null {
  for (const measure of ['count', 'billable', 'viewable', 'late'] as const) {
    if (!isWhole(row[measure], -MAX_CELL_COUNT, MAX_CELL_COUNT)) return `${measure} ${row[measure]}`;
  }
  if (!Number.isSafeInteger(row.costNanos)) return `cost ${row.costNanos}`;
  if (row.billable !== 0 && row.kind !== EVENT_KINDS.click) return 'only clicks are billable';
  if (row.viewable !== 0 && row.kind !== EVENT_KINDS.impression && row.kind !== EVENT_KINDS.viewable) return 'only impressions are viewable';
  if (row.disposition === DISPOSITIONS.counted) return null;
  const moved = row.billable !== 0 || row.viewable !== 0 || row.late !== 0 || row.costNanos !== 0 || row.viewers !== null;
  return moved ? 'only counted events cost, bill, move a bucket or have viewers' : null;
}

/** Pairs, ascending by their 64 bits, none of them zero. */
function viewersFault(viewers: ViewerHashes): string | null {
  if (viewers.length === 0 || viewers.length % 2 !== 0) return 'viewers are pairs';
  let previousLo = 0;
  let previousHi = 0;
  for (let i = 0; i < viewers.length; i += 2) {
    const lo = viewers[i]!;
    const hi = viewers[i + 1]!;
    if (hi < previousHi || (hi === previousHi && lo <= previousLo)) return 'viewers do not ascend';
    previousLo = lo;
    previousHi = hi;
  }
  return null;
}

function isWhole(value: number, min: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= min && value <= max;
}
