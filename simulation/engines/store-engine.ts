import { TrackingError } from '../../core/errors.ts';
import type { SealedBlock } from '../../schemas/clickhouse/native/block.ts';
import type { PartitionId } from '../../regional-hub/log/delta-log.ts';
import type { RangePresence } from '../../regional-hub/sink/repeat-plan.ts';
import type { RangeId, SinkStore } from '../../regional-hub/sink/sink-store.ts';
import type { ShardWatermark, Watermarks } from '../../regional-hub/sink/watermark.ts';
import type { Faults } from '../faults.ts';
import { MAX_SKEW_MS } from '../kernel/host-clock.ts';
import type { Life } from '../kernel/life.ts';
import type { Random } from '../kernel/random.ts';
import type { Scheduler } from '../kernel/scheduler.ts';
import type { Probe } from '../probes.ts';
import { readNative, type Row } from './native-block.ts';
import { fold, ROLLUP_NAMES, Rollup, type RollupName, type Rollups } from './rollups.ts';

/** Bugs of the store itself, planted. */
export type StoreBugs = { readonly forgetsTokens?: boolean; readonly viewsOnce?: boolean };

export type StoreOptions = {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly faults: Faults;
  readonly bugs: StoreBugs;
  readonly lateMsMax: number;
  readonly sometimes: (probe: Probe) => void;
  /** Rows of a block have become visible, once. */
  readonly onStored: (table: string, rows: readonly Row[]) => void;
  readonly onOverdue: (range: RangeId, landedAtMs: number) => void;
};

/** How many blocks the sink may trust the store's memory of tokens for; the store keeps a few more. */
export const SAFE_BLOCKS = 60;
const TOKENS_KEPT = SAFE_BLOCKS * 2 + 20;
/**
 * An insert that its sender gave up may land as late as this: a sink that goes on as if nothing were would have the store forget it many times over. Where several hubs fill the
 * store, each holds itself back for its own inserts only; that the others do not fill its memory within the time is a bound that operators keep.
 */
export const LATE_MS_MAX = { oneHub: 100_000, severalHubs: 15_000 } as const;
/** What the sink may store before that: far less than the store remembers, whatever the hub's clock does meanwhile. */
export const FENCE_LIMITS = { landsWithinMs: LATE_MS_MAX.oneHub + 2 * MAX_SKEW_MS, blocksMax: 15 } as const;

type Stored = { readonly claimedAtMs: number; readonly partition: number; readonly offset: number; readonly topic: string; readonly row: Row };

/**
 * A store like ours at its worst: an insert fails before, between its table and the views behind it, or after all is done; the same token is
 * dropped table by table as long as it is remembered, and completes what is missing.
 */
export class StoreEngine {
  readonly #options: StoreOptions;
  readonly rollups: Rollups = { rollup_1m: new Rollup(), rollup_1h: new Rollup(), rollup_1d: new Rollup() };
  readonly #tables = new Map<string, Stored[]>();
  /** Per table the tokens of late, oldest first. */
  readonly #tokens = new Map<string, Set<string>>();
  readonly #hiddenUntilMs = new Map<string, number>();

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  rows(table: string): Row[] {
    return (this.#tables.get(table) ?? []).map(({ row }) => row);
  }

  /** The store as one process of a hub sees it. */
  client(hub: string, life: Life): SinkStore {
    const { scheduler, random } = this.#options;
    const ask = async <Result>(answer: () => Result): Promise<Result> => {
      await life.sleep(random.delayMs(6), 'asks the store');
      this.#requireSight(hub);
      return answer();
    };
    return {
      watermarks: (partition, belowOffset) => ask(() => this.watermarks(partition, belowOffset)),
      presence: (range) => ask(() => this.#presence(range)),
      noteOverdue: (range, landedAtMs) => ask(() => this.#options.onOverdue(range, landedAtMs)),
      insert: async (range, block) => {
        scheduler.note(`${life.name} inserts ${block.table} ${range.topic}/${range.partition} ${range.minOffset}-${range.maxOffset}`);
        this.#requireSight(hub);
        return life.hear(this.#insert(life, range, block));
      },
    };
  }

  /** For so long a hub finds no store; what is under way gets there. */
  cutOff(hub: string, forMs: number): void {
    this.#hiddenUntilMs.set(hub, this.#options.scheduler.nowMs + forMs);
  }

  #requireSight(hub: string): void {
    const { scheduler, faults } = this.#options;
    if (!faults.isHealed && scheduler.nowMs < (this.#hiddenUntilMs.get(hub) ?? 0)) throw new TrackingError('unavailable', 'injected: no store to be seen');
  }

  watermarks({ topic, partition }: PartitionId, belowOffset?: bigint): Watermarks {
    const marks = new Map<string, ShardWatermark>();
    for (const stored of this.#tables.get('sink_frames') ?? []) {
      if (stored.topic !== topic || stored.partition !== partition || (belowOffset !== undefined && BigInt(stored.offset) >= belowOffset)) continue;
      const { row } = stored;
      const mark = { epoch: Number(row['epoch']), seq: Number(row['seq']), digest: String(row['digest']) };
      const known = marks.get(String(row['shard']));
      if (known === undefined || mark.epoch > known.epoch || (mark.epoch === known.epoch && mark.seq > known.seq)) marks.set(String(row['shard']), mark);
    }
    return marks;
  }

  #presence(range: RangeId): RangePresence {
    const isOfRange = (stored: Stored): boolean =>
      stored.topic === range.topic && stored.partition === range.partition && stored.claimedAtMs === range.claimedAtMs && BigInt(stored.offset) >= range.minOffset && BigInt(stored.offset) <= range.maxOffset;
    const holds = (table: string): boolean => (this.#tables.get(table) ?? []).some(isOfRange);
    const landing = range.topic === 'deltas' ? ['deltas', 'ledger'] : ['raw_events', 'attributions'];
    const since = (this.#tables.get('sink_frames') ?? []).filter((stored) => stored.topic === range.topic && stored.claimedAtMs > range.claimedAtMs);
    const ranges = new Set(since.map(({ partition, claimedAtMs }) => `${partition} ${claimedAtMs}`));
    return { done: holds('sink_frames'), landed: new Set(landing.filter(holds)), blocksSince: ranges.size };
  }

  #insert(life: Life, range: RangeId, block: SealedBlock): Promise<void> {
    const { scheduler, random, faults } = this.#options;
    const fault = random.chance(faults.rate('insertFault')) ? random.pick(['before', 'between', 'after', 'late'] as const) : 'none';
    const name = `${life.name} insert ${block.table} ${fault}`;
    return new Promise((resolve, reject) => {
      const fail = (): void => reject(new Error(`injected: insert failed ${fault}`));
      const giveUp = (): void => reject(new TrackingError('unavailable', 'injected: an insert was given up'));
      if (fault === 'late') scheduler.after(random.below(1_000), `${name} gives up`, giveUp);
      scheduler.after(fault === 'late' ? random.below(this.#options.lateMsMax) : random.delayMs(15), name, () => {
        if (fault === 'before') return fail();
        if (fault === 'late') this.#options.sometimes('an insert landed after it was given up');
        if (fault === 'between' && block.table === 'deltas') this.#options.sometimes('an insert broke off between table and views');
        const isWhole = this.#apply(range, block, fault === 'between');
        if (!isWhole || fault === 'after') return fail();
        scheduler.after(random.delayMs(3), `${name} done`, resolve);
      });
    });
  }

  /** Takes the block table by table down the views; false when it broke off on the way. */
  #apply(range: RangeId, block: SealedBlock, breaksOff: boolean): boolean {
    const { random, bugs } = this.#options;
    const token = `${range.topic}/${range.partition}/${range.minOffset}-${range.maxOffset}/${range.claimedAtMs}`;
    const rows = readNative(block);
    const targets = block.table === 'deltas' ? [block.table, ...ROLLUP_NAMES] : [block.table];
    const reached = breaksOff ? random.below(targets.length) : targets.length;
    const isKnown = this.#tokens.get(block.table)?.has(token) === true;
    let folded = rows;
    for (const target of targets.slice(0, reached)) {
      if (target !== block.table) folded = fold(target as RollupName, folded);
      if (bugs.viewsOnce === true && isKnown) continue;
      if (this.#isFresh(target, token)) this.#put(target, range, folded);
    }
    return !breaksOff;
  }

  #put(target: string, range: RangeId, rows: readonly Row[]): void {
    const rollup = this.rollups[target as RollupName];
    if (rollup !== undefined) {
      rollup.add(rows);
    } else {
      const table = this.#tables.get(target) ?? [];
      this.#tables.set(target, table);
      for (const row of rows) table.push({ claimedAtMs: range.claimedAtMs, partition: range.partition, offset: Number(row['log_offset']), topic: range.topic, row });
    }
    this.#options.onStored(target, rows);
  }

  /** Remembers the token; false when it was known. Past its bound the memory forgets, sometimes more than usual. */
  #isFresh(table: string, token: string): boolean {
    const { random, faults, bugs } = this.#options;
    const known = this.#tokens.get(table) ?? new Set();
    this.#tokens.set(table, known);
    if (known.has(token) && bugs.forgetsTokens !== true) return false;
    known.add(token);
    const kept = random.chance(faults.rate('storeForgets')) ? SAFE_BLOCKS + 20 : TOKENS_KEPT;
    for (const oldest of known) {
      if (known.size <= kept) break;
      known.delete(oldest);
    }
    return true;
  }
}
