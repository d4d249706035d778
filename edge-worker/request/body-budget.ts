import type { EpochMs } from '../../core/time.ts';
import { Announcement } from '../announcement.ts';
import type { RequestScope } from '../ports.ts';
import type { Soon } from '../soon.ts';
import { MAX_BODY_BYTES } from './body.ts';

/**
 * What is taken apart before the runtime looks at its sockets again: a turn. A person who follows a link waits for one or two, so a turn becomes as short as
 * makes the loop come round in time (other isolates work on the same thread, other processes on the same core), and otherwise as long as may be: commits are shared by what a turn lets in.
 */
export const FIRST_TURN_BYTES = 196_608;
export const MIN_TURN_BYTES = 98_304;
export const MAX_TURN_BYTES = 1_048_576;
const ROUND_AIM_MS = 30;
/** Bodies that were taken apart and wait for their commits: at a commit's usual 0.1 s half a million events a second. */
export const MAX_WORK_BYTES = 8 * 1024 * 1024;
/** Bodies that have arrived and wait for their turn. */
export const MAX_LINE_BYTES = 16 * 1024 * 1024;
/** Bodies that were welcomed a moment ago and are about to come: as many as can be read without a line of those who wait to be read. */
export const MAX_COMING_BYTES = 4 * 1024 * 1024;
/** Whoever takes longer to send his takes nothing from others meanwhile … */
export const COMING_MS = 250;
/** … and whoever announces much takes no more than this. */
const MAX_EXPECTED_BYTES = 65_536;
/** A line in which bodies wait for longer than this is refused to newcomers before their bodies are read … */
export const LATE_MS = 1_000;
/** … and whoever has waited for so long hears 503 and sends again. */
export const MAX_WAIT_MS = 5_000;
/** Of that and of the line, what those without a key may fill: browsers, and whoever wants to be in the way of others. */
const STRANGERS_SHARE = 0.5;
/** What any request takes, however short its body. */
const MIN_STAY_BYTES = 2_048;
/** Text like ours, unpacked; and what a body is taken for whose length is not told. */
const GZIP_RATIO = 10;
const UNTOLD_BYTES = 65_536;
/** Longer than any request lives: workerd drops those whose sender hangs up without a word, and their place must come back. */
const STAY_LIFE_MS = 30_000;
/** The request that opens the turns does so under its `waitUntil`, which has 30 s; then it is another's. */
const PACER_LIFE_MS = 20_000;
/** No turn for so long though somebody waits: the request that opened them has died. */
const PACER_SILENT_MS = 1_000;

/** A request's place among those that are worked on; given back with `leave`. */
export type Stay = { readonly bytes: number; readonly sinceMs: EpochMs };

/** A body that was welcomed; handed back with `enter` when it has arrived, else forgotten. */
export type Coming = { readonly bytes: number; readonly isKnown: boolean; readonly sinceMs: EpochMs };

type Waiting = { readonly bytes: number; readonly sinceMs: EpochMs; readonly go: Announcement<true> };

/**
 * Who may have his body taken apart, and when. Counted is what costs: bodies that have arrived. One that is announced and not sent takes nothing for long.
 *
 * The runtime looks at its sockets only when nothing else is left to do: fifty batches that arrive together would be taken apart in one go, half
 * a second in which no redirect goes out. So bodies take turns. After each the loop comes round, and people get their answers.
 */
export class BodyBudget {
  readonly #coming = new Set<Coming>();
  #comingBytes = 0;
  /** In order of arrival, as are those. */
  readonly #stays = new Set<Stay>();
  #workBytes = 0;
  readonly #line: Waiting[] = [];
  #lineBytes = 0;
  /** Let in since the loop last came round, and how much may be. */
  #turnBytes = 0;
  #turnLimitBytes = FIRST_TURN_BYTES;
  #turnAtMs: EpochMs = 0;
  #isPaced = false;
  /** How long the last one waited who was let in from the line. */
  #lastWaitMs = 0;

  /** Welcomes a body of about `bytes`, that it may be read; null when it would wait too long, or find no place: answer 503. */
  welcome(bytes: number, isKnown: boolean, scope: RequestScope): Coming | null {
    const nowMs = scope.arrivedAtMs;
    if (this.#line.length > 0) this.#keepPace(nowMs, scope);
    const isLate = this.#lastWaitMs > LATE_MS && nowMs - this.#turnAtMs < LATE_MS;
    if (isLate || !this.#fitsLine(stayBytes(bytes), isKnown)) return null;
    const coming = { bytes: Math.min(MAX_EXPECTED_BYTES, stayBytes(bytes)), isKnown, sinceMs: nowMs };
    this.#forgetSlow(nowMs);
    if (this.#comingBytes + coming.bytes > shareOf(MAX_COMING_BYTES, isKnown)) return null;
    this.#coming.add(coming);
    this.#comingBytes += coming.bytes;
    return coming;
  }

  /** Waits for the turn of a body that has arrived, `bytes` when unpacked; null when there is no room, or no turn in time: answer 503. */
  enter(coming: Coming, bytes: number, scope: RequestScope): Soon<Stay | null> {
    const size = stayBytes(bytes);
    const nowMs = scope.clock.nowMs();
    this.#forget(coming);
    if (this.#line.length > 0 || !this.#fitsTurn(size, nowMs)) return this.#fitsLine(size, coming.isKnown) ? this.#standInLine(size, scope) : null;
    this.#turnBytes += size;
    return this.#begin(size, nowMs);
  }

  leave(stay: Stay): void {
    if (this.#stays.delete(stay)) this.#workBytes -= stay.bytes;
  }

  #begin(bytes: number, sinceMs: EpochMs): Stay {
    const stay = { bytes, sinceMs };
    this.#stays.add(stay);
    this.#workBytes += bytes;
    return stay;
  }

  async #standInLine(bytes: number, scope: RequestScope): Promise<Stay | null> {
    const nowMs = scope.clock.nowMs();
    const waiting: Waiting = { bytes, sinceMs: nowMs, go: new Announcement() };
    this.#line.push(waiting);
    this.#lineBytes += bytes;
    this.#keepPace(nowMs, scope);
    if ((await waiting.go.wait(MAX_WAIT_MS, scope)) === true) return this.#begin(bytes, scope.clock.nowMs());
    this.#leaveLine(waiting);
    return null;
  }

  #leaveLine(waiting: Waiting): void {
    const index = this.#line.indexOf(waiting);
    if (index < 0) return;
    this.#line.splice(index, 1);
    this.#lineBytes -= waiting.bytes;
  }

  /** Sees to it that somebody opens turns while anybody waits. */
  #keepPace(nowMs: EpochMs, scope: RequestScope): void {
    if (this.#isPaced && nowMs - this.#turnAtMs < PACER_SILENT_MS) return;
    this.#isPaced = true;
    this.#turnAtMs = nowMs;
    scope.waitUntil(this.#pace(scope));
  }

  async #pace(scope: RequestScope): Promise<void> {
    while (this.#line.length > 0 && scope.clock.nowMs() - scope.arrivedAtMs < PACER_LIFE_MS) {
      this.#fitTurn(await comeRound(scope));
      this.#openTurn(scope.clock.nowMs());
    }
    this.#isPaced = false;
  }

  #fitTurn(roundMs: number): void {
    if (roundMs > ROUND_AIM_MS) this.#turnLimitBytes = Math.max(MIN_TURN_BYTES, this.#turnLimitBytes / 2);
    else if (roundMs < ROUND_AIM_MS / 2) this.#turnLimitBytes = Math.min(MAX_TURN_BYTES, this.#turnLimitBytes * 2);
  }

  /** The loop has come round: the first in line goes, and whoever fits beside him. Each takes his place himself, if he is still there. */
  #openTurn(nowMs: EpochMs): void {
    this.#turnAtMs = nowMs;
    this.#turnBytes = 0;
    // Whoever is still here after that has died: he would have left by himself.
    while (this.#line[0] !== undefined && nowMs - this.#line[0].sinceMs > MAX_WAIT_MS) this.#leaveLine(this.#line[0]);
    for (let first = this.#line[0]; first !== undefined && this.#fitsTurn(first.bytes, nowMs); first = this.#line[0]) {
      this.#leaveLine(first);
      this.#turnBytes += first.bytes;
      this.#lastWaitMs = nowMs - first.sinceMs;
      first.go.announce(true);
    }
    if (this.#line.length === 0) this.#lastWaitMs = 0;
  }

  /** Whether a body may be taken apart in this turn: there is room in the turn, and for what then waits for its commit. A lone one always is. */
  #fitsTurn(bytes: number, nowMs: EpochMs): boolean {
    this.#forgetDead(nowMs);
    const fits = this.#turnBytes === 0 || this.#turnBytes + bytes <= this.#turnLimitBytes;
    return fits && (this.#workBytes === 0 || this.#workBytes + bytes <= MAX_WORK_BYTES);
  }

  #fitsLine(bytes: number, isKnown: boolean): boolean {
    return this.#lineBytes + bytes <= shareOf(MAX_LINE_BYTES, isKnown);
  }

  #forget(coming: Coming): void {
    if (this.#coming.delete(coming)) this.#comingBytes -= coming.bytes;
  }

  #forgetSlow(nowMs: EpochMs): void {
    for (const coming of this.#coming) {
      if (nowMs - coming.sinceMs < COMING_MS) return;
      this.#forget(coming);
    }
  }

  #forgetDead(nowMs: EpochMs): void {
    for (const stay of this.#stays) {
      if (nowMs - stay.sinceMs < STAY_LIFE_MS) return;
      this.leave(stay);
    }
  }
}

/** The shortest sleep that is one, and how late it may end to count as on time. */
const ROUND_MS = 1;
const ON_TIME_MS = 2;

/**
 * Resolves when the loop has looked at its sockets; gives how long it was busy before that. Timers that are due go before sockets: a sleep that ends
 * late, because bodies were taken apart meanwhile, has seen nothing. The one after it begins when all of that is done, and has.
 */
async function comeRound(scope: RequestScope): Promise<number> {
  const dueAtMs = scope.clock.nowMs() + ROUND_MS;
  await scope.sleep(ROUND_MS);
  const lateMs = scope.clock.nowMs() - dueAtMs;
  if (lateMs > ON_TIME_MS) await scope.sleep(ROUND_MS);
  return lateMs;
}

function shareOf(mostBytes: number, isKnown: boolean): number {
  return isKnown ? mostBytes : mostBytes * STRANGERS_SHARE;
}

function stayBytes(bytes: number): number {
  return Math.max(MIN_STAY_BYTES, bytes);
}

/** What a body will take, by its headers. */
export function expectedBytes(headers: Headers): number {
  const length = headers.get('content-length');
  return unpackedBytes(length === null ? UNTOLD_BYTES : Number(length) || 0, headers);
}

/** What a body of `sentBytes` will take when it is unpacked. */
export function unpackedBytes(sentBytes: number, headers: Headers): number {
  const isPacked = (headers.get('content-encoding') ?? 'identity') !== 'identity';
  return Math.min(MAX_BODY_BYTES, isPacked ? sentBytes * GZIP_RATIO : sentBytes);
}
