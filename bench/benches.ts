import type { Bench } from './row.ts';
import { batchesBench } from './rows/batches.ts';
import { dedupBench } from './rows/dedup.ts';
import { durableClickBench } from './rows/durable-click.ts';
import { frameBench } from './rows/frame.ts';
import { growthBench } from './rows/growth.ts';
import { hubStoreBench } from './rows/hub-store.ts';
import { queryBench } from './rows/query.ts';
import { redirectBench } from './rows/redirect.ts';
import { redirectTailBench } from './rows/redirect-tail.ts';
import { startBench } from './rows/start.ts';
import { tokenBench } from './rows/token.ts';

/** Every row of the table, in its order. */
export const benches: readonly Bench[] = [
  redirectBench, durableClickBench, redirectTailBench, batchesBench, dedupBench, tokenBench, frameBench, hubStoreBench, queryBench, startBench, growthBench,
];
