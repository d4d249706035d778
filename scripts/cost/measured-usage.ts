import { setTimeout as sleep } from 'node:timers/promises';
import { EdgeBed } from '../../bench/beds/edge-bed.ts';
import { BatchMaker, ShardBed } from '../../bench/beds/shard-bed.ts';
import { FLUSHED_AFTER_MS, newClicks } from '../../bench/load/clicks.ts';
import { costOf } from '../../bench/load/wrk.ts';
import type { UsagePerMillion } from './cost-model.ts';

/** How the run went that the usage was read off. */
export type MeasuredUsage = { readonly usage: UsagePerMillion; readonly eventsPerSecond: number; readonly eventsPerCommit: number; readonly commitsPerFrame: number; readonly cpuUsPerEvent: number };

const CONNECTIONS = 64;
const SECONDS = 10;
/** A frame's alarm is set once, which is billed as a row. */
const ALARM_ROWS_PER_FRAME = 1;
const COMMITS_TO_COUNT = 500;

/** Drives one POP at `eventsPerSecond` (or as fast as this machine goes), one request an event, and counts what would be billed. */
export async function measureUsage(eventsPerSecond: number, shards: number): Promise<MeasuredUsage> {
  const ads = shards * 8;
  const bed = await EdgeBed.start({ shards, ads });
  try {
    const file = await newClicks(bed, { count: 100_000, ads, shards });
    const before = { events: bed.hub.eventCount, rows: bed.hub.rowCount, frames: bed.hub.frames.length };
    const pauseMs = Math.round((CONNECTIONS * 1_000) / eventsPerSecond);
    const seen = await costOf(bed.workerd, { url: bed.url, file, connections: CONNECTIONS, seconds: SECONDS, pauseMs });
    await sleep(FLUSHED_AFTER_MS);
    const rowCount = bed.hub.rowCount - before.rows;
    const eventsPerCommit = (bed.hub.eventCount - before.events) / rowCount;
    const commitsPerFrame = rowCount / (bed.hub.frames.length - before.frames);
    const rows = await rowsPerCommit(Math.max(1, Math.round(eventsPerCommit)), Math.max(1, Math.round(commitsPerFrame)));
    const commits = 1e6 / eventsPerCommit;
    const flushes = commits / commitsPerFrame;
    return {
      usage: {
        workerRequests: 1e6,
        workerCpuMs: seen.cpuUs * 1_000,
        // A call a commit, an alarm a frame.
        objectRequests: commits + flushes,
        rowsWritten: commits * rows.written + flushes * ALARM_ROWS_PER_FRAME,
        // Sealing reads every row of its run, and the frame once more to send it.
        rowsRead: commits + 2 * flushes,
      },
      eventsPerSecond: (seen.requests * 1e6) / seen.durationUs,
      eventsPerCommit,
      commitsPerFrame,
      cpuUsPerEvent: seen.cpuUs,
    };
  } finally {
    await bed.stop();
  }
}

/** Rows that SQLite says were inserted, updated or deleted for a commit, its share of a frame and of checkpoints included. */
async function rowsPerCommit(eventsPerCommit: number, commitsPerFrame: number): Promise<{ written: number }> {
  const startMs = Date.now();
  const maker = await BatchMaker.create({ ads: 8, viewers: 100_000, clickShare: 0.02, startMs });
  const bed = new ShardBed('live.us.e0.0.0', startMs);
  const before = bed.totalChanges();
  const commitEveryMs = 1_000 / commitsPerFrame;
  for (let i = 0; i < COMMITS_TO_COUNT; i++) {
    const atMs = Math.floor(i * commitEveryMs);
    bed.record(maker.batch(eventsPerCommit, atMs), startMs + atMs);
    bed.flush(startMs + atMs);
  }
  const written = (bed.totalChanges() - before) / COMMITS_TO_COUNT;
  bed.close();
  return { written };
}
