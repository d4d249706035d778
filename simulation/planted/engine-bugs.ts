import type { Plant } from './plant.ts';

/** Promises of the engines that we rely on, broken one at a time: what would happen if we had built on sand, or asked for less. */
export const ENGINE_BUGS: readonly Plant[] = [
  { name: 'ack before persist', story: 'a shard answers, and sends frames, before what it wrote is durable', disk: { openGate: true } },
  { name: 'torn turn', story: 'a commit is several transactions, and a crash leaves some of them', disk: { tornTurns: true } },
  { name: 'no fencing', story: 'an owner that lost its partition may still claim and finish ranges', log: { unfenced: true } },
  { name: 'no insert token', story: 'a repeated insert is not dropped', store: { forgetsTokens: true } },
  { name: 'views not completed', story: 'a retried block is dropped before it reaches the views that a crash left out', store: { viewsOnce: true } },
];
