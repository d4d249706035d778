import { bigintOf, type QueryEngine } from './engine.ts';

/** The latest time at which a range of deltas was stored; 0 before the first. Parts know theirs, so no row is read. */
export async function readWatermarkMs(engine: QueryEngine): Promise<number> {
  const rows = await engine.rows({ sql: 'SELECT toUnixTimestamp64Milli(max(stored_at)) AS watermark_ms FROM edgetally.deltas', params: {} });
  return Math.max(0, Number(bigintOf(rows[0]?.['watermark_ms'] ?? 0)));
}
