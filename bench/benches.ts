import { redirectBench } from './rows/redirect.ts';
import type { Bench } from './row.ts';

/** Every row of the table, in its order. */
export const benches: readonly Bench[] = [redirectBench];
