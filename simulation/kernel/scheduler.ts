import { setImmediate as turn } from 'node:timers/promises';
import type { Trace } from './trace.ts';

type Planned = { readonly atMs: number; readonly order: number; readonly what: string; readonly run: () => void };

/**
 * The world's time. Everything that takes time is planned here; time jumps from one plan to the next. Between two of them all promises that can
 * settle do so, hence one order of events for one seed.
 */
export class Scheduler {
  readonly #heap: Planned[] = [];
  readonly #trace: Trace;
  #order = 0;
  #nowMs: number;

  constructor(startMs: number, trace: Trace) {
    this.#nowMs = startMs;
    this.#trace = trace;
  }

  /** True time; hosts see it through clocks of their own. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Runs `run` after `delayMs`; plans for one instant keep their order. */
  after(delayMs: number, what: string, run: () => void): void {
    this.#push({ atMs: this.#nowMs + Math.max(0, Math.ceil(delayMs)), order: this.#order++, what, run });
  }

  /** Notes what is no plan of its own. */
  note(what: string): void {
    this.#trace.add(this.#nowMs, what);
  }

  /** Runs until `untilMs` or until `isOver` says so. */
  async run(untilMs: number, isOver: () => boolean = () => false): Promise<void> {
    await turn();
    while (!isOver()) {
      const next = this.#heap[0];
      if (next === undefined || next.atMs > untilMs) break;
      this.#pop();
      this.#nowMs = next.atMs;
      this.#trace.add(next.atMs, next.what);
      next.run();
      await turn();
    }
    if (!isOver()) this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  #push(planned: Planned): void {
    const heap = this.#heap;
    let at = heap.push(planned) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(planned, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = planned;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: Planned, b: Planned): boolean {
  return a.atMs === b.atMs ? a.order < b.order : a.atMs < b.atMs;
}
