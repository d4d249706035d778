import { ColdTier } from '../../core/memory/cold-tier.ts';
import { RememberedTimes } from '../../core/memory/remembered-times.ts';
import { ShardMemory } from '../../core/memory/shard-memory.ts';
import { type Plant, patched } from './plant.ts';

export const MEMORY_BUGS: readonly Plant[] = [
  { name: 'no repeat window', story: 'a double click is two clicks', patch: () => patched(ShardMemory.prototype, 'hasClickNear', () => () => false) },
  { name: 'viewable call billed as an impression', story: 'the news that an impression was seen counts as another impression', patch: () => patched(ShardMemory.prototype, 'hasClaimed', (hasClaimed) => function (this: ShardMemory, event, terms) {
    return (event.flags & 1) === 0 && hasClaimed.call(this, event, terms);
  }) },
  { name: 'impression after its click ignored', story: 'pixels load late, and nobody waits for them', patch: () => patched(ShardMemory.prototype, 'clicksWokenBy', () => () => []) },
  { name: 'any late impression bills', story: 'a waiting click is woken however far away its impression is', patch: () => patched(ShardMemory.prototype, 'clicksWokenBy', (woken) => function (this: ShardMemory, impression) {
    return [...woken.call(this, impression), ...woken.call(this, { ...impression, eventTimeMs: impression.eventTimeMs - 600_000 })];
  }) },
  { name: 'checkpoint without pages', story: 'the log is cut, and what it said is written nowhere', patch: () => patched(ColdTier.prototype, 'write', () => () => undefined) },
  { name: 'cold pages not asked', story: 'what left memory is forgotten', patch: () => patched(ColdTier.prototype, 'pagesWith', () => function* () {}) },
  { name: 'pages expire at once', story: 'a checkpoint deletes what it has just written', patch: () => patched(ColdTier.prototype, 'expire', (expire) => function (this: ColdTier) {
    expire.call(this, () => true);
  }) },
  { name: 'recovery skips its pages', story: 'a shard that wakes up reads its log and not what was checkpointed before', patch: () => patched(RememberedTimes.prototype, 'restore', () => () => undefined) },
];
