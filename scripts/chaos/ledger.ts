import { isReportedAd } from './ad-names.ts';

/** What a client knows of one event that it sent. */
export type Knowledge =
  /** No answer yet: it may or may not be counted. */
  | 'open'
  /** 202, 409, or an answer that came within the redirect budget: the network promised that it counts. */
  | 'acknowledged'
  /** Answered, but later than the redirect budget: sent on by the network, its commit perhaps still under way (`unconfirmed`). */
  | 'unconfirmed';

/** Names an event for ever: kind, ad and its own id. */
export type EventName = { readonly kind: 'impression' | 'click'; readonly adId: string; readonly id: string };

/** What became of the events of a ledger, by what the network says it counted. */
export type Verdict = {
  readonly sent: number;
  readonly acknowledged: number;
  readonly unconfirmed: number;
  readonly neverAnswered: number;
  /** Acknowledged, and counted nowhere. */
  readonly lost: number;
  /** Counts beyond one. */
  readonly doubled: number;
  /** Unconfirmed, and counted nowhere: what the edge reports as such. */
  readonly unconfirmedMissing: number;
  /** Counted, and never sent. */
  readonly invented: number;
  /** Some of the events concerned, in words. */
  readonly examples: readonly string[];
};

const EXAMPLES_MAX = 10;

/** The clients' own books, kept apart from everything that is judged by them: every event that was sent, and what its sender was told. */
export class Ledger {
  readonly #events = new Map<string, Knowledge>();
  readonly #perKnowledge = { open: 0, acknowledged: 0, unconfirmed: 0 };
  #reported = 0;

  get acknowledged(): number {
    return this.#perKnowledge.acknowledged;
  }

  /** Acknowledged events that servers reported: nothing is uncertain about these. */
  get reported(): number {
    return this.#reported;
  }

  get open(): number {
    return this.#perKnowledge.open;
  }

  get sent(): number {
    return this.#events.size;
  }

  /** The event is about to leave for the first time; ids are never used again. */
  send(name: EventName): void {
    const key = keyOf(name);
    if (this.#events.has(key)) throw new Error(`${key} was sent before`);
    this.#events.set(key, 'open');
    this.#perKnowledge.open++;
  }

  /** The sender was told. An acknowledgement is never taken back. */
  answer(name: EventName, knowledge: 'acknowledged' | 'unconfirmed'): void {
    const key = keyOf(name);
    const known = this.#events.get(key);
    if (known === undefined) throw new Error(`${key} was never sent`);
    if (known === 'acknowledged' || known === knowledge) return;
    this.#events.set(key, knowledge);
    this.#perKnowledge[known]--;
    this.#perKnowledge[knowledge]++;
    if (knowledge === 'acknowledged' && isReportedAd(name.adId)) this.#reported++;
  }

  /** Compares with what was counted, by event: `keyOf` → how often. */
  judge(counted: ReadonlyMap<string, number>): Verdict {
    const verdict = { lost: 0, doubled: 0, unconfirmedMissing: 0, invented: 0 };
    const examples: string[] = [];
    const note = (what: keyof typeof verdict, count: number, key: string): void => {
      verdict[what] += count;
      if (examples.length < EXAMPLES_MAX) examples.push(`${what}: ${key}`);
    };
    for (const [key, knowledge] of this.#events) {
      const times = counted.get(key) ?? 0;
      if (times > 1) note('doubled', times - 1, key);
      if (times === 0 && knowledge === 'acknowledged') note('lost', 1, key);
      if (times === 0 && knowledge === 'unconfirmed') note('unconfirmedMissing', 1, key);
    }
    for (const [key, times] of counted) if (!this.#events.has(key)) note('invented', times, key);
    const { open, acknowledged, unconfirmed } = this.#perKnowledge;
    return { sent: this.#events.size, acknowledged, unconfirmed, neverAnswered: open, ...verdict, examples };
  }

  /** `<kind> <adId>` → what an exact network has counted: the least and the most. */
  perAd(): Map<string, { least: number; most: number }> {
    const bounds = new Map<string, { least: number; most: number }>();
    for (const [key, knowledge] of this.#events) {
      const ad = key.slice(0, key.lastIndexOf(' '));
      const bound = bounds.get(ad) ?? { least: 0, most: 0 };
      bounds.set(ad, { least: bound.least + (knowledge === 'acknowledged' ? 1 : 0), most: bound.most + 1 });
    }
    return bounds;
  }
}

/** `<kind> <adId> <id>`; neither part has a space. */
export function keyOf({ kind, adId, id }: EventName): string {
  return `${kind} ${adId} ${id}`;
}

/** Where totals by `<kind> <adId>` leave a ledger's bounds, in words; empty when all agree. */
export function outOfBounds(totals: ReadonlyMap<string, number>, bounds: ReadonlyMap<string, { least: number; most: number }>): string[] {
  const names = new Set([...totals.keys(), ...bounds.keys()]);
  return [...names].flatMap((name) => {
    const total = totals.get(name) ?? 0;
    const { least, most } = bounds.get(name) ?? { least: 0, most: 0 };
    return total < least || total > most ? [`${name}: ${total} counted, ${least === most ? least : `${least} to ${most}`} expected`] : [];
  });
}
