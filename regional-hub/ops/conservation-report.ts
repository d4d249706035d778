import { conserve, type Conservation, type LedgerTotal } from '../../core/ledger/conservation.ts';
import type { Clock } from '../../core/time.ts';
import { Parameters } from '../http/parameters.ts';
import { bigintOf, type EngineRow, type QueryEngine } from '../query/engine.ts';
import { parseRange } from '../query/request.ts';
import { isoOf } from '../query/rows.ts';
import type { SecondRange } from '../query/tiles.ts';
import { UTC } from '../query/time-zone.ts';
import type { PipelineState } from './pipeline-state.ts';

export type ConservationDeps = {
  readonly engine: QueryEngine;
  readonly clock: Clock;
  readonly pipeline: PipelineState;
  readonly regions: readonly string[];
  readonly sleep: (delayMs: number) => Promise<void>;
};

export type ConservationReport = { readonly from: string; readonly to: string } & Conservation;

/** Frames whose two halves were stored within this time may be apart; one that stays apart longer is a fault and shows as one. */
const HALVES_APART_MAX_MS = 600_000;
/** The stages are read one after the other while rows arrive: a reading that disagrees is taken again before it is told. */
const READINGS_MAX = 3;
const READING_GAP_MS = 300;

/** `GET /v1/ops/conservation`: every stage's terms by time of receipt, per region, and whether the identities of DESIGN §2 hold. */
export async function conservationReport(deps: ConservationDeps, search: URLSearchParams): Promise<ConservationReport> {
  const range = parseRange(new Parameters(search, ['from', 'to']), UTC);
  let conservation = await readOnce(deps, range);
  for (let reading = 1; reading < READINGS_MAX && !conservation.holds; reading += 1) {
    await deps.sleep(READING_GAP_MS);
    conservation = await readOnce(deps, range);
  }
  return { from: isoOf(range.fromSecond), to: isoOf(range.toSecond), ...conservation };
}

async function readOnce(deps: ConservationDeps, range: SecondRange): Promise<Conservation> {
  const inFlight = await eventsInFlight(deps);
  const totals = (await deps.engine.rows({ sql: TOTALS_SQL, params: { from: range.fromSecond, to: range.toSecond } })).map(totalOf);
  // A region where nothing happened is shown all the same.
  const silent: LedgerTotal[] = deps.regions.map((region) => ({ stage: 'edge', region, term: 'accepted', count: 0 }));
  return conserve([...totals, ...silent], inFlight);
}

/**
 * Events known to be under way: those that shards said they had not sent yet, those of frames of which only one half is stored (the cells
 * and the events travel on two topics), and at least one for every record that waits in the log.
 */
async function eventsInFlight({ engine, pipeline, clock }: ConservationDeps): Promise<number> {
  const waitingRecords = await pipeline.waitingRecords();
  const pending = pipeline.pendingEvents();
  if (waitingRecords === 0) return pending;
  const sinceMs = clock.nowMs() - HALVES_APART_MAX_MS;
  const rows = await engine.rows({ sql: HALVES_SQL, params: { sinceMs } });
  return pending + Math.max(waitingRecords, Number(bigintOf(rows[0]?.['events'] ?? 0)));
}

const RECEIVED_IN_RANGE = "received_second >= toDateTime({from:UInt32}, 'UTC') AND received_second < toDateTime({to:UInt32}, 'UTC')";

const TOTALS_SQL = `
  SELECT stage, region, term, sum(count) AS count FROM (
    SELECT toString(stage) AS stage, toString(region) AS region, toString(term) AS term, sum(count) AS count
      FROM edgetally.ledger WHERE ${RECEIVED_IN_RANGE} GROUP BY stage, region, term
    UNION ALL
    SELECT 'store' AS stage, toString(region) AS region, toString(disposition) AS term, toInt64(count()) AS count
      FROM edgetally.raw_events WHERE ${RECEIVED_IN_RANGE} GROUP BY region, term
  ) GROUP BY stage, region, term`;

const STORED_LATELY = "stored_at >= fromUnixTimestamp64Milli({sinceMs:Int64}, 'UTC')";

const HALVES_SQL = `
  SELECT sum(abs(hub - raw)) AS events FROM (
    SELECT sum(hub) AS hub, sum(raw) AS raw FROM (
      SELECT toString(shard) AS shard, epoch, seq, sum(count) AS hub, toInt64(0) AS raw
        FROM edgetally.ledger WHERE stage = 'hub' AND ${STORED_LATELY} GROUP BY shard, epoch, seq
      UNION ALL
      SELECT toString(shard) AS shard, epoch, seq, toInt64(0) AS hub, toInt64(count()) AS raw
        FROM edgetally.raw_events WHERE ${STORED_LATELY} GROUP BY shard, epoch, seq
    ) GROUP BY shard, epoch, seq
  )`;

function totalOf(row: EngineRow): LedgerTotal {
  return { stage: row['stage'] as LedgerTotal['stage'], region: String(row['region']), term: String(row['term']), count: Number(bigintOf(row['count'])) };
}
