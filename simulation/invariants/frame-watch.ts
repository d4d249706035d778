import { decodeFrame, peekFrameHeader, type FrameHeader } from '../../schemas/wire/frame.ts';
import { digestOf } from '../../regional-hub/intake/signature.ts';
import type { Topic } from '../../regional-hub/log/delta-log.ts';
import type { Verdict } from '../violation.ts';

/** Follows frames by name: what was sent, what the log has, what somebody forged. */
export class FrameWatch {
  readonly #verdict: Verdict;
  /** `<shard>/<epoch>/<seq>` → digest of the bytes first sent. */
  readonly #sent = new Map<string, string>();
  readonly #bytes = new Map<string, Uint8Array>();
  readonly #inLog = new Set<string>();
  readonly #forged = new Set<string>();
  readonly #forgedNames = new Set<string>();
  /** Storage epochs of each shard, as first sent. */
  readonly #epochs = new Map<string, number[]>();

  constructor(verdict: Verdict) {
    this.#verdict = verdict;
  }

  /** A shard's frame leaves: the same name has the same bytes for ever, and an earlier life does not speak after a later one. */
  sent(frame: Uint8Array): void {
    const { shard, epoch, seq } = decodeFrame(frame).header;
    const digest = digestOf(frame);
    const name = nameOf(shard, epoch, seq);
    const known = this.#sent.get(name);
    this.#verdict.check(known === undefined || known === digest, 'a frame keeps its bytes', () => `${name} was sent with other bytes`);
    this.#sent.set(name, digest);
    this.#bytes.set(name, frame);
    const epochs = this.#epochs.get(shard) ?? [];
    this.#epochs.set(shard, epochs);
    if (!epochs.includes(epoch)) epochs.push(epoch);
  }

  appended(topic: Topic, { shard, epoch, seq }: FrameHeader, digest: string): void {
    this.#inLog.add(`${topic} ${nameOf(shard, epoch, seq)}`);
    const sent = this.#sent.get(nameOf(shard, epoch, seq));
    this.#verdict.check(sent === digest || this.#forged.has(digest), 'a frame keeps its bytes', () => `${nameOf(shard, epoch, seq)} reached the log with bytes that its shard never sent`);
  }

  /** Both halves of the frame are in the log. */
  isInLog(shard: string, epoch: number, seq: number): boolean {
    return this.#inLog.has(`deltas ${nameOf(shard, epoch, seq)}`) && this.#inLog.has(`raw-events ${nameOf(shard, epoch, seq)}`);
  }

  isOfEarlierLife(shard: string, epoch: number): boolean {
    return (this.#epochs.get(shard) ?? []).some((other) => other > epoch);
  }

  isForged(digest: string): boolean {
    return this.#forged.has(digest);
  }

  /** Some frame that the log has, for those who mean harm; undefined while there is none. */
  anyInLog(pick: (names: readonly string[]) => string): { readonly name: string; readonly bytes: Uint8Array } | undefined {
    const names = [...this.#bytes.keys()].filter((name) => this.#inLog.has(`deltas ${name}`) && this.#inLog.has(`raw-events ${name}`));
    if (names.length === 0) return undefined;
    const name = pick(names);
    return { name, bytes: this.#bytes.get(name)! };
  }

  /** Whether somebody has sent other bytes under this name. */
  hasForgedName(shard: string, epoch: number, seq: number): boolean {
    return this.#forgedNames.has(nameOf(shard, epoch, seq));
  }

  forged(bytes: Uint8Array): void {
    this.#forged.add(digestOf(bytes));
    const { shard, epoch, seq } = peekFrameHeader(bytes);
    this.#forgedNames.add(nameOf(shard, epoch, seq));
  }
}

function nameOf(shard: string, epoch: number, seq: number): string {
  return `${shard}/${epoch}/${seq}`;
}
