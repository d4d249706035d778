import type { Rejection } from '../../core/disposition.ts';
import type { Refused } from './door.ts';

export type WholeRefusal = { readonly status: 400 | 401 | 403; readonly code: Rejection; readonly message: string };

/** An event that was refused, and its place in its request. */
export type RefusedAt = { readonly index: number } & Pick<Refused, 'code' | 'message' | 'isOutsideTenant'>;

const UNREADABLE: ReadonlySet<Rejection> = new Set(['malformed', 'unsupported_schema']);
const UNVOUCHED: ReadonlySet<Rejection> = new Set(['unauthorized', 'bad_token', 'malformed', 'unsupported_schema']);

/** What was refused of a request's events. */
export class Refusals {
  readonly list: RefusedAt[] = [];

  add(index: number, { code, message, isOutsideTenant }: Pick<Refused, 'code' | 'message' | 'isOutsideTenant'>): void {
    this.list.push({ index, code, message, isOutsideTenant });
  }

  /** How many there are of each code. */
  counts(): ReadonlyMap<Rejection, number> {
    const counts = new Map<Rejection, number>();
    for (const { code } of this.list) counts.set(code, (counts.get(code) ?? 0) + 1);
    return counts;
  }

  /**
   * What HTTP has to say of a request of `received` events of which none came in: 400 nothing was readable; 401 neither key nor any valid token; 403 all
   * of it outside the key's tenant. Null: the request is answered event by event. Source: DESIGN §3.
   */
  ofWhole(received: number, hasIngestKey: boolean): WholeRefusal | null {
    const [first] = this.list;
    if (first === undefined || this.list.length < received) return null;
    if (this.list.every(({ code }) => UNREADABLE.has(code))) return { status: 400, code: first.code, message: first.message };
    if (!hasIngestKey && this.list.every(({ code }) => UNVOUCHED.has(code))) {
      return { status: 401, code: 'unauthorized', message: 'a valid token or a key with scope ingest is needed' };
    }
    if (this.list.every(({ isOutsideTenant }) => isOutsideTenant)) return { status: 403, code: first.code, message: first.message };
    return null;
  }
}
