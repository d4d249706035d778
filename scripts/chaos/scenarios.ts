import type { Scenario } from './scenario.ts';
import { EDGE_AND_HUB } from './scenarios/edge-and-hub.ts';
import { KAFKA } from './scenarios/kafka.ts';
import { CLICKHOUSE } from './scenarios/clickhouse.ts';
import { FULL_DISK } from './scenarios/full-disk.ts';
import { OVERLOAD } from './scenarios/overload.ts';
import { TWO_HUBS } from './scenarios/two-hubs.ts';

/** Every fault that is tried, in the order in which it is tried. */
export const SCENARIOS: readonly Scenario[] = [...EDGE_AND_HUB, ...KAFKA, ...CLICKHOUSE, ...TWO_HUBS, ...FULL_DISK, ...OVERLOAD];
