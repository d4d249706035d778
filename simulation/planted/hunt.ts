import { runSeed } from '../run-seed.ts';
import type { Plant } from './plant.ts';

/** How a planted bug was found; null when it survived. */
export type Catch = { readonly plant: Plant; readonly caught: { readonly seed: number; readonly seeds: number; readonly invariant: string } | null };

/** A bug that lives through so many seeds has escaped us. */
export const SEEDS_MAX = 1_000;

/** Lives through seeds with a bug planted until one of them shows it. */
export async function hunt(plant: Plant, options: { readonly fromSeed: number; readonly hours: number; readonly seedsMax?: number }): Promise<Catch> {
  const { fromSeed, hours, seedsMax = SEEDS_MAX } = options;
  for (let seeds = 1; seeds <= seedsMax; seeds++) {
    const seed = fromSeed + seeds - 1;
    const { violation } = await runSeed({ seed, hours, plant });
    if (violation !== null) return { plant, caught: { seed, seeds, invariant: violation.invariant } };
  }
  return { plant, caught: null };
}
