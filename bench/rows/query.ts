import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate } from '../../regional-hub/adapters/clickhouse-migrate.ts';
import { ClickHouseQueryEngine } from '../../regional-hub/adapters/clickhouse-query-engine.ts';
import { openStore, type ClickHouseStore } from '../../regional-hub/adapters/clickhouse-store.ts';
import { questionOf, runQuery } from '../../regional-hub/query/query-service.ts';
import { parseQueryRequest } from '../../regional-hub/query/request.ts';
import { windowRowsStatement } from '../../regional-hub/query/window-rows.ts';
import { percentile, short } from '../median.ts';
import type { Bench } from '../row.ts';

const DELTA_ROWS = 12_000_000;
const ROWS_A_BLOCK = 1_000_000;
const QUERIES_A_RUN = 40;
const DAY = '2026-03-10';

/** One campaign's day by minute, among 12 M delta rows of 100 campaigns; beside it the same SQL straight at the engine. */
export const queryBench: Bench = {
  rows: [
    { id: 'query-day', what: 'query: campaign, 24 h by minute on 12 M delta rows, p99', unit: 'ms', baselineIs: 'the same SQL straight at the engine', aim: { kind: 'within', times: 1.5 } },
  ],
  async measure({ runs }) {
    const dir = mkdtempSync(join(tmpdir(), 'edgetally-bench-'));
    const store = openStore({ kind: 'embedded', dataDir: dir, engine: { memoryBytes: 2_000_000_000 } });
    try {
      await migrate(store, Date.now());
      await fillDeltas(store);
      const ours: number[] = [];
      const straight: number[] = [];
      const ask = asker(store);
      await ask.ours();
      for (let i = 0; i < runs * QUERIES_A_RUN; i++) {
        ours.push(await timed(ask.ours));
        straight.push(await timed(ask.straight));
      }
      const note = `p50 ${short(percentile(ours, 0.5))} ms against ${short(percentile(straight, 0.5))} ms`;
      return { 'query-day': { value: percentile(ours, 0.99), baseline: percentile(straight, 0.99), note } };
    } finally {
      await store.close();
      rmSync(dir, { recursive: true, force: true });
    }
  },
};

function asker(store: ClickHouseStore) {
  const clock = { nowMs: () => Date.now() };
  const engine = new ClickHouseQueryEngine(store.client);
  const deps = { engine, clock, watermarkMs: async () => 0, minCellUsers: { clicksOnly: 10, viewerBreakdown: 50 } };
  const request = parseQueryRequest(new URLSearchParams(`metrics=impressions,clicks,spend_micros&granularity=1m&filter=campaign_id:camp-7&from=${DAY}T00:00:00Z&to=2026-03-11T00:00:00Z`));
  const { sql, params } = windowRowsStatement(questionOf(request, { kind: 'all' }, null), { kind: 'all' });
  return {
    ours: () => runQuery(deps, request, { kind: 'all' }),
    straight: async () => (await store.client.query({ query: sql, query_params: { ...params }, format: 'JSONEachRow' })).text(),
  };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

/** A day of deltas made by the engine itself, a block at a time, through the rollups as any other. */
async function fillDeltas(store: ClickHouseStore): Promise<void> {
  for (let from = 0; from < DELTA_ROWS; from += ROWS_A_BLOCK) {
    await store.client.command({
      query: `INSERT INTO edgetally.deltas (stored_at, shard, epoch, seq, second, advertiser_id, campaign_id, ad_id, creative_id, publisher_id, placement_id, country, device_type, region, kind, disposition, reason, count, billable, viewable, late, cost_nanos, users)
        SELECT fromUnixTimestamp64Milli(toInt64(1773100800000), 'UTC'), 's', 1, ${1 + from / ROWS_A_BLOCK},
          toDateTime('${DAY} 00:00:00', 'UTC') + (n * 7919) % 86400, concat('adv-', toString(n % 10)), concat('camp-', toString(n % 100)), concat('ad-', toString(n % 1000)), 'cr',
          concat('pub-', toString(n % 20)), 'top', ['US', 'DE', 'JP', 'BR'][1 + intDiv(n, 100) % 4], ['desktop', 'mobile'][1 + intDiv(n, 400) % 2], 'us',
          if(n % 50 = 0, 'click', 'impression'), 'counted', '', 1, 0, 0, 0, 1000, arrayReduce('uniqCombined64State(17)', [cityHash64(n % 1000000)])
        FROM (SELECT number + ${from} AS n FROM numbers(${ROWS_A_BLOCK}))`,
    });
  }
}
