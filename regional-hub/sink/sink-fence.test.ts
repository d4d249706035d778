import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TrackingError } from '../../core/errors.ts';
import { createSqliteDeltaLog } from '../adapters/sqlite-delta-log.ts';
import { openLogDatabase } from '../adapters/sqlite-log-database.ts';
import type { FenceLimits } from './landing-fence.ts';
import { sampleFrames } from './sample-frames.ts';
import { caughtUp, startTestSink } from './sink-fixture.ts';
import type { SinkStore } from './sink-store.ts';

const FRAMES = 40;
/** Tokens that the store remembers, and how late an insert lands that was given up. */
const TOKENS_KEPT = 20;
const LATE_MS = 1_500;
const NO_FENCE: FenceLimits = { landsWithinMs: 0, blocksMax: 1 };
const FENCE: FenceLimits = { landsWithinMs: 2 * LATE_MS, blocksMax: 8 };

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'edgetally-fence-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A store that gives its client's first insert of deltas up and lets it land late, when its token may be forgotten. Tells how often each range's deltas are there. */
function forgetfulStore(): { readonly store: SinkStore; readonly landings: () => number[]; readonly late: Promise<void> } {
  const counts = new Map<string, number>();
  const tokens: string[] = [];
  let tellLate: () => void = () => undefined;
  const late = new Promise<void>((resolve) => (tellLate = resolve));
  let isFirst = true;
  const land = (token: string): void => {
    if (tokens.includes(token)) return;
    tokens.push(token);
    if (tokens.length > TOKENS_KEPT) tokens.shift();
    counts.set(token, (counts.get(token) ?? 0) + 1);
  };
  const store: SinkStore = {
    watermarks: async () => new Map(),
    presence: async () => ({ done: false, landed: new Set(), blocksSince: 0 }),
    noteOverdue: async () => undefined,
    insert: async (range, block) => {
      if (block.table !== 'deltas') return;
      const token = `${range.partition} ${range.minOffset} ${range.claimedAtMs}`;
      if (!isFirst) return land(token);
      isFirst = false;
      setTimeout(() => {
        land(token);
        tellLate();
      }, LATE_MS);
      throw new TrackingError('unavailable', 'given up');
    },
  };
  return { store, landings: () => [...counts.values()], late };
}

async function carry(fenceLimits: FenceLimits): Promise<number[]> {
  const log = createSqliteDeltaLog({ database: openLogDatabase(join(dir, 'log.sqlite')), clock: { nowMs: () => Date.now() }, onHandlerError: () => undefined });
  await log.ensureTopics();
  for (const frame of sampleFrames(1, FRAMES, 2)) await log.appendBatch(frame.records);
  const { store, landings, late } = forgetfulStore();
  await startTestSink(log, store, { limits: { maxFrames: 1, maxBytes: 1, maxBlockBytes: 1 }, intervalMs: 0, fenceLimits });
  await caughtUp(log);
  await late;
  await log.close();
  return landings();
}

test('an insert that lands when the store would have forgotten it counts once: nothing is stored past it that could make the store forget', async () => {
  expect(await carry(FENCE)).toEqual(Array.from({ length: FRAMES }, () => 1));
});

test('without the fence it would count twice', async () => {
  expect(await carry(NO_FENCE)).toContain(2);
});
