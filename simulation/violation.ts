/** Something that must never be. `invariant` is its name in the table of `docs/proof.md`. */
export class Violation extends Error {
  readonly invariant: string;

  constructor(invariant: string, detail: string) {
    super(`${invariant}: ${detail}`);
    this.name = 'Violation';
    this.invariant = invariant;
  }
}

/** Where the first violation of a run is kept: it ends the run. */
export class Verdict {
  #violation: Violation | null = null;

  get violation(): Violation | null {
    return this.#violation;
  }

  fail(invariant: string, detail: string): void {
    this.#violation ??= new Violation(invariant, detail);
  }

  /** Fails unless `holds`. */
  check(holds: boolean, invariant: string, detail: () => string): void {
    if (!holds) this.fail(invariant, detail());
  }
}
