/** A running hash over everything that happens: two runs of one seed must end with the same. 64 bits, not for secrets. */
export class Trace {
  #lo = 0x811c9dc5;
  #hi = 0x2f0b4c47;
  #steps = 0;
  /** The last lines, for whoever looks into a failing seed. */
  readonly #tail: string[] = [];
  readonly #keptLines: number;

  constructor(keptLines = 0) {
    this.#keptLines = keptLines;
  }

  get steps(): number {
    return this.#steps;
  }

  add(timeMs: number, what: string): void {
    this.#steps++;
    this.#mix(timeMs % 2 ** 32);
    for (let at = 0; at < what.length; at++) this.#mix(what.charCodeAt(at));
    if (this.#keptLines === 0) return;
    this.#tail.push(`${new Date(timeMs).toISOString().slice(11, 23)} ${what}`);
    if (this.#tail.length > this.#keptLines) this.#tail.shift();
  }

  hash(): string {
    return (this.#hi >>> 0).toString(16).padStart(8, '0') + (this.#lo >>> 0).toString(16).padStart(8, '0');
  }

  tail(): readonly string[] {
    return this.#tail;
  }

  #mix(word: number): void {
    this.#lo = Math.imul(this.#lo ^ word, 0x01000193);
    this.#hi = Math.imul(this.#hi ^ (word + (this.#lo >>> 15)), 0x5bd1e995);
  }
}
