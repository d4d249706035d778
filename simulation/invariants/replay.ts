import { encodeRange } from '../../regional-hub/sink/range-blocks.ts';
import { startSink } from '../../regional-hub/sink/sink.ts';
import { TOPICS } from '../../regional-hub/log/delta-log.ts';
import { unpackSectionSync } from '../../regional-hub/log/unpack-section.ts';
import { LogEngine } from '../engines/log-engine.ts';
import { ROLLUP_NAMES } from '../engines/rollups.ts';
import { SAFE_BLOCKS, StoreEngine } from '../engines/store-engine.ts';
import { Faults } from '../faults.ts';
import { Life } from '../kernel/life.ts';
import { Scheduler } from '../kernel/scheduler.ts';
import { Trace } from '../kernel/trace.ts';
import type { World } from '../world.ts';

const REPLAY_MS = 600_000;

/** The log, read once more from its first record into an empty store, gives the same tables. */
export async function checkReplay(world: World): Promise<void> {
  const scheduler = new Scheduler(world.scheduler.nowMs, new Trace());
  const random = world.random.fork('replay');
  const faults = new Faults(random);
  faults.heal();
  const store = new StoreEngine({ scheduler, random, faults, bugs: {}, lateMsMax: 0, sometimes: () => undefined, onStored: () => undefined, onOverdue: () => undefined });
  const log = new LogEngine({ scheduler, random, faults, bugs: {}, sometimes: () => undefined, partitions: 1, onAppended: () => undefined });
  for (const topic of Object.values(TOPICS)) for (const { key, value } of world.log.recordsOf(topic)) log.append({ topic, key, value });
  const life = new Life('replay', scheduler);
  await startSink(log.client(life), {
    store: store.client('replay', life),
    clock: { nowMs: () => scheduler.nowMs },
    sleep: (delayMs) => life.sleep(delayMs),
    random: () => random.next(),
    events: { rangeStored: () => undefined, frameRepeated: () => undefined, shardHalted: () => undefined, rangeFailed: ({ error }) => world.verdict.fail('no assertion breaks', `replay: ${String(error)}`) },
    safeBlocks: SAFE_BLOCKS,
    encoder: { encode: (name, range, frames) => encodeRange(name, range, frames, { unpack: async (section, limit) => unpackSectionSync(section, limit), turn: async () => undefined }) },
  });
  const isDone = (): boolean => log.lag().every(({ endOffset, finishedOffset }) => endOffset === finishedOffset);
  await scheduler.run(scheduler.nowMs + REPLAY_MS, () => isDone() || world.verdict.violation !== null);
  life.end();
  for (const name of ROLLUP_NAMES) {
    const [once, again] = [world.store.rollups[name].lines(), store.rollups[name].lines()];
    world.verdict.check(once.join('\n') === again.join('\n'), 'the log replayed from 0 gives identical rollups', () => `${name}: ${once.length} and ${again.length} rows`);
  }
  world.verdict.check(store.rows('raw_events').length === world.store.rows('raw_events').length, 'the log replayed from 0 gives identical rollups', () => 'raw_events');
}
