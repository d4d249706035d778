import type { Row } from '../engines/native-block.ts';
import type { Rollup, Rollups } from '../engines/rollups.ts';
import type { Setting } from '../setting.ts';
import type { FrameWatch } from './frame-watch.ts';

const TWO_MINUTES_MS = 120_000;

/** Sees each block become visible, once, in the order of each shard. */
export class StoreWatch {
  readonly #setting: Pick<Setting, 'verdict' | 'probes' | 'truth'>;
  readonly #frames: FrameWatch;
  /** Last frame stored, by topic and shard. */
  readonly #last = new Map<string, { epoch: number; seq: number }>();
  readonly #addresses = new Set<string>();
  /** Nonces of counted clicks; a reset shard begins anew. */
  readonly #countedNonces = new Set<string>();
  /** How often each click was counted (once a retry window, should it come again) and billed. */
  readonly #counted = new Map<string, number>();
  readonly #billed = new Map<string, number>();
  /** Times of counted impressions by (ad, impression id), as their shard stored them. */
  readonly #impressions = new Map<string, number[]>();

  constructor(setting: Pick<Setting, 'verdict' | 'probes' | 'truth'>, frames: FrameWatch) {
    this.#setting = setting;
    this.#frames = frames;
  }

  /** `rollups`: as they stand now. */
  stored(table: string, rows: readonly Row[], rollups: Rollups): void {
    for (const row of rows) {
      if (table === 'sink_frames') this.#frame(row);
      else if (table === 'raw_events') this.#event(row);
      else if (table === 'attributions') this.#attribution(row);
      else if (table === 'rollup_1h') this.#cell(row, rollups.rollup_1h);
    }
  }

  /** Applied once, in order, no gap, no earlier life after a later one. */
  #frame(row: Row): void {
    const { verdict } = this.#setting;
    const [epoch, seq] = [Number(row['epoch']), Number(row['seq'])];
    const shard = `${String(row['topic'])} ${String(row['shard'])}`;
    const name = `${shard} ${epoch}/${seq}`;
    verdict.check(!this.#frames.isForged(String(row['digest'])), 'the same name with other bytes halts', () => `${name} was stored with forged bytes`);
    const last = this.#last.get(shard);
    this.#last.set(shard, { epoch, seq });
    if (last === undefined) return verdict.check(seq === 1, 'no gap in seq', () => `${name} is the first to be stored`);
    verdict.check(epoch >= last.epoch, 'no lower epoch after a higher', () => `${name} after ${last.epoch}/${last.seq}`);
    if (epoch === last.epoch) verdict.check(seq === last.seq + 1, seq <= last.seq ? 'a frame is applied once' : 'no gap in seq', () => `${name} after ${last.seq}`);
  }

  #event(row: Row): void {
    const { verdict } = this.#setting;
    const address = `${String(row['shard'])} ${String(row['epoch'])} ${String(row['commit_row'])} ${String(row['event_index'])}`;
    verdict.check(!this.#addresses.has(address), 'a frame is applied once', () => `event ${address} is stored twice`);
    this.#addresses.add(address);
    if (row['disposition'] !== 'counted') return;
    if (row['kind'] === 'impression') this.#impression(row);
    if (row['kind'] !== 'click') return;
    const nonce = this.#nonceOf(row, String(row['event_id']));
    if (nonce !== null) {
      verdict.check(!this.#countedNonces.has(nonce), 'a nonce counts at most once', () => `click ${nonce} by ${address}`);
      this.#countedNonces.add(nonce);
    }
    const click = clickName(row, String(row['event_id']), Number(row['event_time']));
    this.#counted.set(click, (this.#counted.get(click) ?? 0) + 1);
    if (row['billable'] === 1) this.#bill(row, String(row['event_id']), Number(row['event_time']));
  }

  #attribution(row: Row): void {
    this.#setting.probes.sometimes('a click was billed by its impression coming later');
    this.#bill(row, String(row['click_id']), Number(row['click_time']));
  }

  /** At most once a click, and only by an impression that is there and in reach. */
  #bill(row: Row, clickId: string, clickTimeMs: number): void {
    const { verdict, truth } = this.#setting;
    const click = clickName(row, clickId, clickTimeMs);
    const bills = (this.#billed.get(click) ?? 0) + 1;
    this.#billed.set(click, bills);
    verdict.check(bills <= (this.#counted.get(click) ?? 0), 'a click is joined to at most one impression', () => `click ${click} is billed ${bills} times`);
    const impressionId = String(row['impression_id'] ?? '') || [...truth.events.values()].find(({ kind, eventId }) => kind === 'click' && eventId === clickId)?.impressionId;
    if (impressionId === undefined) return verdict.fail('a billed click was sent', `nobody sent click ${clickId}`);
    if (row['impression_id'] === undefined) return;
    const times = this.#impressions.get(this.#joinOf(row, impressionId)) ?? [];
    verdict.check(times.some((timeMs) => timeMs <= clickTimeMs + TWO_MINUTES_MS), 'no click is joined to an impression later than the skew', () => `click ${click}`);
  }

  #impression(row: Row): void {
    const join = this.#joinOf(row, String(row['event_id']));
    const times = this.#impressions.get(join) ?? [];
    times.push(Number(row['event_time']));
    this.#impressions.set(join, times);
  }

  #joinOf(row: Row, impressionId: string): string {
    return `${String(row['shard'])} ${String(row['epoch'])} ${String(row['ad_id'])} ${impressionId}`;
  }

  /** gross ≥ net ≥ 0 and billed ≤ counted, in the cell as it stands now. */
  #cell(row: Row, rollup: Rollup): void {
    const { verdict } = this.#setting;
    const cell = rollup.get(Number(row['window']), row);
    if (cell === undefined) return;
    const isSound = cell.count >= 0 && cell.billable >= 0 && cell.billable <= cell.count && cell.viewable <= cell.count && cell.cost_nanos >= 0;
    verdict.check(isSound, 'gross ≥ net ≥ 0 in every cell', () => JSON.stringify({ ...cell, users: cell.users.length }));
  }

  /** The token's nonce, told apart by life where a shard was reset; null for events without a token. */
  #nonceOf(row: Row, eventId: string): string | null {
    const isTokenBound = (Number(row['flags']) & 4) !== 0;
    if (!isTokenBound) return null;
    return this.#setting.truth.resetShards.has(String(row['shard'])) ? `${eventId} ${String(row['epoch'])}` : eventId;
  }
}

function clickName(row: Row, clickId: string, timeMs: number): string {
  return `${String(row['shard'])} ${String(row['epoch'])} ${String(row['ad_id'])} ${clickId} ${timeMs}`;
}
