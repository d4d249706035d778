import { bigintOf, type QueryEngine } from '../query/engine.ts';

/**
 * A number that differs once any hub has finished another range, however old its claim: frames are noted after their rows and rollups, an overdue range after its frames.
 * Tables know how many rows they have, so none is read.
 */
export async function readFinishedRanges(engine: QueryEngine): Promise<bigint> {
  const [row] = await engine.rows({ sql: 'SELECT (SELECT count() FROM edgetally.sink_frames) + (SELECT count() FROM edgetally.overdue_ranges) AS finished', params: {} });
  return bigintOf(row?.['finished'] ?? 0);
}
