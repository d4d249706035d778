import type { Rejection } from '../../core/disposition.ts';
import type { Admitted, Refused } from './door.ts';

export type DoorResult = Admitted | Refused;
export type WholeRefusal = { readonly status: 400 | 401 | 403; readonly code: Rejection; readonly message: string };

const UNREADABLE: ReadonlySet<Rejection> = new Set(['malformed', 'unsupported_schema']);
const UNVOUCHED: ReadonlySet<Rejection> = new Set(['unauthorized', 'bad_token', 'malformed', 'unsupported_schema']);

/**
 * What HTTP has to say of a request of which no event came in: 400 nothing was readable; 401 neither key nor any valid token; 403 all
 * of it outside the key's tenant. Null: the request is answered event by event. Source: DESIGN §3.
 */
export function wholeRefusal(results: readonly DoorResult[], hasIngestKey: boolean): WholeRefusal | null {
  if (results.some(({ ok }) => ok)) return null;
  const refusals = results.filter((result) => !result.ok);
  const [first] = refusals;
  if (first === undefined) return null;
  if (refusals.every(({ code }) => UNREADABLE.has(code))) return { status: 400, code: first.code, message: first.message };
  if (!hasIngestKey && refusals.every(({ code }) => UNVOUCHED.has(code))) {
    return { status: 401, code: 'unauthorized', message: 'a valid token or a key with scope ingest is needed' };
  }
  if (refusals.every(({ isOutsideTenant }) => isOutsideTenant)) return { status: 403, code: first.code, message: first.message };
  return null;
}
