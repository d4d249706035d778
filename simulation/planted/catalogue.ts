import { EDGE_BUGS } from './edge-bugs.ts';
import { ENGINE_BUGS } from './engine-bugs.ts';
import { HUB_BUGS } from './hub-bugs.ts';
import { MEMORY_BUGS } from './memory-bugs.ts';
import type { Plant } from './plant.ts';
import { SHARD_BUGS } from './shard-bugs.ts';

/** Every bug that we plant, along the way of a click. */
export const PLANTS: readonly Plant[] = [...EDGE_BUGS, ...MEMORY_BUGS, ...SHARD_BUGS, ...HUB_BUGS, ...ENGINE_BUGS];
