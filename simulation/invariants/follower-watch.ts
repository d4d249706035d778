import type { RangeId } from '../../regional-hub/sink/sink-store.ts';
import { OVERLAP_MS } from '../../regional-hub/stream/stream.ts';
import type { Row } from '../engines/native-block.ts';
import type { Probes } from '../probes.ts';
import type { Verdict } from '../violation.ts';

/** A range that somebody who had followed everything until it landed would not look back to; only a note at `sinceMs` or later leads there. */
type Owed = { readonly partition: number; readonly storedAtMs: number; readonly sinceMs: number };

/** Follows the store by the times of claims, as a dashboard does that resumes at the worst moment: just before a range lands. */
export class FollowerWatch {
  readonly #verdict: Verdict;
  readonly #probes: Probes;
  readonly #owed: Owed[] = [];
  readonly #notes = new Map<string, number>();
  #watermarkMs = 0;

  constructor({ verdict, probes }: { readonly verdict: Verdict; readonly probes: Probes }) {
    this.#verdict = verdict;
    this.#probes = probes;
  }

  stored(table: string, rows: readonly Row[]): void {
    for (const row of rows) {
      const storedAtMs = Number(row['stored_at']);
      if (table === 'deltas') this.#watermarkMs = Math.max(this.#watermarkMs, storedAtMs);
      const sinceMs = this.#watermarkMs - OVERLAP_MS;
      const isMissed = table === 'sink_frames' && row['topic'] === 'deltas' && storedAtMs < sinceMs;
      if (isMissed) this.#owed.push({ partition: Number(row['log_partition']), storedAtMs, sinceMs });
    }
  }

  noted({ partition, claimedAtMs }: RangeId, landedAtMs: number): void {
    const name = `${partition} ${claimedAtMs}`;
    this.#notes.set(name, Math.max(this.#notes.get(name) ?? 0, landedAtMs));
  }

  /** Once all is stored and finished: nobody missed a range. */
  checkAtRest(): void {
    for (const { partition, storedAtMs, sinceMs } of this.#owed) {
      this.#probes.sometimes('a range landed long after its claim');
      const notedAtMs = this.#notes.get(`${partition} ${storedAtMs}`) ?? 0;
      this.#verdict.check(notedAtMs >= sinceMs, 'whoever follows the store misses no range', () => `deltas/${partition} of ${storedAtMs}: looked back to ${sinceMs}, noted at ${notedAtMs}`);
    }
  }
}
