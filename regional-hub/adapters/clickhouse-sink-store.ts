import { Readable } from 'node:stream';
import { ClickHouseError, drainStream } from '@clickhouse/client';
import { TrackingError } from '../../core/errors.ts';
import type { EpochMs } from '../../core/time.ts';
import { DEDUP_WINDOW_BLOCKS } from '../../schemas/clickhouse/ddl.ts';
import { landingTables, DEFAULT_RETENTION } from '../../schemas/clickhouse/landing-tables.ts';
import type { SealedBlock } from '../../schemas/clickhouse/native/block.ts';
import { TOPICS, type PartitionId } from '../log/delta-log.ts';
import type { RangePresence } from '../sink/repeat-plan.ts';
import type { RangeId, SinkStore } from '../sink/sink-store.ts';
import type { ShardWatermark, Watermarks } from '../sink/watermark.ts';
import type { ClickHouseStore } from './clickhouse-store.ts';

/** Part of every token: raise it only when no claim is unfinished, for a repeat must find its own token. */
const ROWS_VERSION = 1;
/** A log's offsets are 63 bits. */
const ABOVE_ALL_OFFSETS = 2n ** 63n;

const TABLES = landingTables(DEFAULT_RETENTION);
/** What a range of each topic writes before its frames' note. */
const LANDING: Readonly<Record<string, readonly string[]>> = {
  [TOPICS.deltas]: [TABLES.deltas.name, TABLES.ledger.name],
  [TOPICS.raw]: [TABLES.rawEvents.name, TABLES.attributions.name],
};

/** `generation` rises when ranges are inserted anew on purpose, after their partitions were dropped. */
export type SinkStoreOptions = { readonly store: ClickHouseStore; readonly log?: string; readonly generation?: number };

type WatermarkRow = { shard: string; last_epoch: string; last_seq: string; last_digest: string };

function watermarkOf(row: WatermarkRow): ShardWatermark {
  return { epoch: Number(row.last_epoch), seq: Number(row.last_seq), digest: row.last_digest };
}

/** The sink's store over the ClickHouse client, embedded or a server. */
export class ClickHouseSinkStore implements SinkStore {
  readonly #client: ClickHouseStore['client'];
  readonly #database: string;
  readonly #log: string;
  readonly #generation: number;

  constructor({ store, log = 'main', generation = 0 }: SinkStoreOptions) {
    this.#client = store.client;
    this.#database = store.deployment.database;
    this.#log = log;
    this.#generation = generation;
  }

  async watermarks({ topic, partition }: PartitionId, belowOffset = ABOVE_ALL_OFFSETS): Promise<Watermarks> {
    const rows = await this.#rows<WatermarkRow>(
      `SELECT shard, tupleElement(max((epoch, seq, digest)) AS last, 1) AS last_epoch, tupleElement(last, 2) AS last_seq, tupleElement(last, 3) AS last_digest FROM ${this.#database}.sink_frames
       WHERE log = {log:String} AND topic = {topic:String} AND log_partition = {partition:UInt32} AND log_offset < {below:UInt64} GROUP BY shard`,
      { log: this.#log, topic, partition, below: String(belowOffset) },
    );
    return new Map(rows.map((row): [string, ShardWatermark] => [row.shard, watermarkOf(row)]));
  }

  async presence(range: RangeId): Promise<RangePresence> {
    const [done, landed, blocksSince] = await Promise.all([
      this.#holds('sink_frames', range, 'AND log = {log:String} AND topic = {topic:String}'),
      this.#landed(range),
      this.#blocksSince(range),
    ]);
    return { done, landed, blocksSince };
  }

  async insert(range: RangeId, block: SealedBlock): Promise<void> {
    const columns = block.columnNames.map((name) => `\`${name}\``).join(', ');
    try {
      const { stream } = await this.#client.exec({
        query: `INSERT INTO ${this.#database}.${block.table} (${columns}) SETTINGS insert_deduplication_token = '${this.#token(range)}' FORMAT Native`,
        values: Readable.from(block.chunks, { objectMode: false }),
      });
      await drainStream(stream);
    } catch (cause) {
      // What the engine itself says has ended there.
      if (cause instanceof ClickHouseError) throw cause;
      throw new TrackingError('unavailable', 'an insert was given up', { cause });
    }
  }

  async noteOverdue({ partition, claimedAtMs }: RangeId, landedAtMs: EpochMs): Promise<void> {
    await this.#client.command({
      query: `INSERT INTO ${this.#database}.overdue_ranges (log, log_partition, stored_at, landed_at) SETTINGS insert_deduplicate = 0
       VALUES ({log:String}, {partition:UInt32}, fromUnixTimestamp64Milli({claimedAtMs:Int64}, 'UTC'), fromUnixTimestamp64Milli({landedAtMs:Int64}, 'UTC'))`,
      query_params: { log: this.#log, partition, claimedAtMs, landedAtMs },
    });
  }

  // The claim's time is in it: a log that begins again at offset 0 claims at another time.
  #token({ topic, partition, minOffset, maxOffset, claimedAtMs }: RangeId): string {
    const name = `${this.#log}/${topic}/${partition}/${minOffset}-${maxOffset}/${claimedAtMs}/${ROWS_VERSION}/${this.#generation}`;
    return name.replaceAll(/[^\w./-]/g, '_');
  }

  /** A range is one block in its landing tables, and in a rollup one for each month that it touches. The ranges alone are enough to say that it is too late. */
  async #blocksSince({ topic, claimedAtMs }: RangeId): Promise<number> {
    const since = `stored_at > fromUnixTimestamp64Milli({claimedAtMs:Int64}, 'UTC')`;
    const ranges = await this.#count(`uniqExact(log, log_partition, stored_at)`, `sink_frames WHERE topic = {topic:String} AND ${since}`, { topic, claimedAtMs });
    if (topic !== TOPICS.deltas || ranges > DEDUP_WINDOW_BLOCKS) return ranges;
    return Math.max(ranges, await this.#count('uniqExact(log_partition, stored_at, toYYYYMM(second))', `deltas WHERE ${since}`, { claimedAtMs }));
  }

  async #count(what: string, where: string, params: Record<string, unknown>): Promise<number> {
    const [row] = await this.#rows<{ n: string }>(`SELECT ${what} AS n FROM ${this.#database}.${where}`, params);
    return Number(row?.n ?? 0);
  }

  async #landed(range: RangeId): Promise<Set<string>> {
    const names = LANDING[range.topic] ?? [];
    const found = await Promise.all(names.map((name) => this.#holds(name, range, '')));
    return new Set(names.filter((_, i) => found[i]));
  }

  async #holds(table: string, range: RangeId, also: string): Promise<boolean> {
    const rows = await this.#rows(
      `SELECT 1 FROM ${this.#database}.${table} WHERE stored_at = fromUnixTimestamp64Milli({claimedAtMs:Int64}, 'UTC')
       AND log_partition = {partition:UInt32} AND log_offset BETWEEN {min:UInt64} AND {max:UInt64} ${also} LIMIT 1`,
      {
        log: this.#log,
        topic: range.topic,
        partition: range.partition,
        claimedAtMs: range.claimedAtMs,
        min: String(range.minOffset),
        max: String(range.maxOffset),
      },
    );
    return rows.length > 0;
  }

  async #rows<Row>(query: string, query_params: Record<string, unknown>): Promise<Row[]> {
    const result = await this.#client.query({ query, query_params, format: 'JSONEachRow' });
    return result.json<Row>();
  }
}
