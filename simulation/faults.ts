import type { Random } from './kernel/random.ts';

/**
 * Everything that may go wrong, each with the rates that a seed may draw: chance per occasion, or how often an hour. A seed that draws 0
 * does without: rare combinations need some quiet around them.
 */
const DRAWS = {
  /** The network, per message. */
  loss: [0, 0.01, 0.05, 0.2],
  repeat: [0, 0.05, 0.5],
  /** An hour, for all sites together. */
  cuts: [0, 6, 40],
  clogs: [0, 10],
  /** A point of presence hears nothing from the hub, for longer than operators announce ahead. */
  deafness: [0, 2, 8],
  clockJumps: [0, 20],
  edgeDeaths: [0, 10, 60],
  evictions: [0, 20, 120],
  /** An object goes on beside its successor. */
  staleObjects: [0, 10, 40],
  hubDeaths: [0, 6, 30],
  hubFreezes: [0, 10],
  /** The storage of an object whose every event is acknowledged is lost. */
  resets: [0, 0, 1, 6],
  forgedFrames: [0, 0, 6],
  policyChanges: [0, 6],
  deploys: [0, 4],
  /** Per write of an object's storage. */
  diskStall: [0, 0.02, 0.1],
  diskFailure: [0, 0, 0.002],
  /** Per alarm. */
  alarmLost: [0, 0.02],
  /** Per append: it fails before, in part, or after; late; twice. */
  appendFault: [0, 0.05, 0.3],
  claimFault: [0, 0.05, 0.2],
  /** Per insert: before, between the table and its views, after; late. */
  insertFault: [0, 0.05, 0.3],
  storeForgets: [0, 0.05],
  /** An hour: a hub loses sight of the store that others see. */
  storeCuts: [0, 0, 12],
  /** The log has lost its consumers' place in a partition, as one that nobody read for a week. (The seeds of the worlds that once broke draw 0.) */
  positionsLost: [0, 0, 12, 0, 0, 0],
} as const satisfies Readonly<Record<string, readonly number[]>>;

export type FaultName = keyof typeof DRAWS;

/** How bad this seed's world is, until it heals. */
export class Faults {
  readonly #rates: Readonly<Record<FaultName, number>>;
  #isHealed = false;

  constructor(random: Random) {
    const calm = random.chance(0.05);
    const drawn = Object.entries(DRAWS).map(([name, rates]) => [name, calm ? 0 : random.pick<number>(rates)]);
    this.#rates = Object.fromEntries(drawn) as Record<FaultName, number>;
  }

  /** The drawn rate; 0 once the world is healed. */
  rate(name: FaultName): number {
    return this.#isHealed ? 0 : this.#rates[name];
  }

  get isHealed(): boolean {
    return this.#isHealed;
  }

  heal(): void {
    this.#isHealed = true;
  }

  /** What this seed drew, but for what it does without. */
  describe(): string {
    return Object.entries(this.#rates).filter(([, rate]) => rate > 0).map(([name, rate]) => `${name} ${rate}`).join(', ');
  }
}
