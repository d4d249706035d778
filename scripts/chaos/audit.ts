import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ask } from './http.ts';
import { endProgram, startProgram } from './processes.ts';

const CLICKHOUSE = fileURLToPath(new URL('../clickhouse.ts', import.meta.url));
const AUDIT_PATIENCE_MS = 60_000;
const COUNTED_SQL = `
  SELECT concat(toString(kind), ' ', toString(ad_id), ' ', event_id) AS name, count() AS times
  FROM edgetally.raw_events WHERE disposition = 'counted' AND advertiser_id = 'chaos' AND kind IN ('impression', 'click')
  GROUP BY name FORMAT TabSeparated`;

/** How often each event was counted, by `keyOf`, straight from the raw rows of a ClickHouse server: no route of ours is believed. */
export async function auditServer(url: string): Promise<Map<string, number>> {
  const answer = await ask(url, { method: 'POST', body: COUNTED_SQL, patienceMs: AUDIT_PATIENCE_MS });
  if (answer.kind === 'none' || answer.status !== 200) throw new Error(`the audit failed: ${JSON.stringify(answer)}`);
  const lines = answer.text.split('\n').filter((line) => line !== '');
  return new Map(lines.map((line) => [line.slice(0, line.indexOf('\t')), Number(line.slice(line.indexOf('\t') + 1))]));
}

/** The same from the store of an embedded hub that has stopped. */
export async function auditFolder(dataDir: string, port: number): Promise<Map<string, number>> {
  const store = join(dataDir, 'hub', 'store');
  const server = await startProgram(CLICKHOUSE, ['--port', String(port), '--data-dir', store], { readyLine: 'clickhouse ready' });
  try {
    return await auditServer(`http://127.0.0.1:${port}`);
  } finally {
    await endProgram(server, 'SIGTERM');
  }
}
