/**
 * Rare paths that a night of seeds must come by, or it proves less than it says. One of them that is never hit fails a run of at least
 * `PROBED_SEEDS` seeds.
 */
export const PROBES = [
  'a click was billed by its impression coming later',
  'an event was late but counted',
  'an event was held',
  'a viewable call followed its impression',
  'a repeat click was dropped',
  'a retry met another copy through another POP',
  'a token was used after its end',
  'a token signed by the second key was clicked',
  'a token of the first shard epoch was used in the second',
  'events fell into two days',
  'an object lost a turn that was not durable',
  'an object was evicted with frames unsent',
  'an object ran beside its successor',
  'an alarm was lost',
  'memory was checkpointed',
  'memory was recovered from its pages',
  'a batch went through the spill queue',
  'a spilled batch was handed over twice',
  'a spilled batch had been recorded unheard',
  'a promised event was given up with its isolate',
  'a frame was sent again',
  'a frame reached the log twice',
  'a hub died between append and index',
  'a claim was repeated by another owner',
  'a stale owner was fenced off',
  'a log lost its place',
  'an insert landed after it was given up',
  'an insert broke off between table and views',
  'a range landed long after its claim',
  'a forged frame met its original',
  'a frame of an earlier life came late',
  'a reset shard took a later epoch by itself',
  'a rejection was booked',
  'a newer version told something unknown',
  'an edge answered 503',
  'an edge out of touch refused what rests on news',
] as const;
export type Probe = (typeof PROBES)[number];

/** Fewer seeds than this need not hit everything. */
export const PROBED_SEEDS = 500;

/** What was hit, and how many seeds hit it. */
export class Probes {
  readonly #hits = new Map<Probe, number>();

  sometimes(probe: Probe): void {
    this.#hits.set(probe, 1);
  }

  merge(other: Probes): void {
    for (const [probe, seeds] of other.#hits) this.#hits.set(probe, (this.#hits.get(probe) ?? 0) + seeds);
  }

  seedsThatHit(probe: Probe): number {
    return this.#hits.get(probe) ?? 0;
  }

  missing(): Probe[] {
    return PROBES.filter((probe) => !this.#hits.has(probe));
  }
}
