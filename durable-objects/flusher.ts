import { unreachable } from '../core/errors.ts';
import type { FlushPlan } from '../core/flush/outbox.ts';
import type { EpochMs } from '../core/time.ts';
import type { HubClient, SendOutcome } from './hub-client.ts';
import type { ShardOutbox } from './shard-outbox.ts';

export type FlusherOptions = {
  readonly outbox: ShardOutbox;
  readonly hub: HubClient;
  readonly nowMs: () => EpochMs;
  /** A fraction in [0, 1). */
  readonly random: () => number;
};

/**
 * Carries out what `planFlush` says until there is nothing to do now: seal, send. While it waits for its hub other events come in; they
 * belong to the next frame. One run at a time: the caller guards it.
 */
export class Flusher {
  readonly #options: FlusherOptions;
  /** Why the last attempt failed; null since the last ack. */
  lastFailure: string | null = null;

  constructor(options: FlusherOptions) {
    this.#options = options;
  }

  /** Works for about `budgetMs` at most and gives the plan that is left. Throws only on a broken assertion or storage. */
  async run(budgetMs: number): Promise<FlushPlan> {
    const { outbox, nowMs } = this.#options;
    const deadlineMs = nowMs() + budgetMs;
    for (;;) {
      const plan = outbox.plan(nowMs());
      if (nowMs() >= deadlineMs) return plan;
      switch (plan.kind) {
        case 'idle':
        case 'sleep':
          return plan;
        case 'seal':
          outbox.seal(outbox.draftFrame(nowMs()));
          break;
        case 'send':
          await this.#send();
          break;
        default:
          return unreachable(plan);
      }
    }
  }

  async #send(): Promise<void> {
    const { outbox, hub } = this.#options;
    const isFirst = outbox.beginSend();
    this.#settle(await hub.send(outbox.frameInFlight()), isFirst);
  }

  /** `isFirst`: no frame of this epoch had been sent before, so a refusal means that no log has one. */
  #settle(outcome: SendOutcome, isFirst: boolean): void {
    const { outbox } = this.#options;
    switch (outcome.kind) {
      case 'acked':
        if (outbox.acknowledge(outcome.ack)) this.lastFailure = null;
        else this.#fail(`a foreign ack: ${JSON.stringify(outcome.ack)}`);
        return;
      case 'refused':
        this.lastFailure = outcome.reason;
        if (isFirst && outcome.laterEpoch !== undefined) outbox.startOver(outcome.laterEpoch);
        else outbox.halt(outcome.reason);
        return;
      case 'failed':
        this.#fail(outcome.message);
        return;
      default:
        unreachable(outcome);
    }
  }

  #fail(message: string): void {
    const { outbox, nowMs, random } = this.#options;
    this.lastFailure = message;
    outbox.fail({ nowMs: nowMs(), jitter: random() });
  }
}
