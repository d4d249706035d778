import { assert } from '../errors.ts';
import type { ShardMemory } from '../memory/shard-memory.ts';
import { judge } from './judge.ts';
import type { Attribution, JudgeableBatch, Judgement, WaitingClick } from './judgement.ts';

/** What a commit records of a batch: one judgement an event, and the attributions in the order they came about. */
export type BatchVerdict = { readonly judgements: readonly Judgement[]; readonly attributions: readonly Attribution[] };

/**
 * Clicks that one batch wakes, some 20 000 of them: a commit must fit its place in the log, and a frame its hub, though clicks by the hundred thousand claim
 * one impression. What is beyond stays unattributed until settlement, which joins from raw rows.
 */
const MAX_WOKEN_BYTES = 2 * 1024 * 1024;
/** Numbers of a woken click in a commit and of its cell in a frame, at the most. */
const WOKEN_NUMBERS_BYTES = 64;

/** Judges a batch in order; each event sees the claims of those before it. */
export function judgeBatch(batch: JudgeableBatch, memory: ShardMemory): { judgements: Judgement[]; attributions: Attribution[] } {
  const judgements: Judgement[] = [];
  const attributions: Attribution[] = [];
  memory.expect(batch);
  let index = 0;
  let roomBytes = MAX_WOKEN_BYTES;
  const mayWake = (click: WaitingClick) => (roomBytes -= wokenBytes(click)) >= 0;
  const describe = () => ({ clickId: batch.eventId(index), cell: batch.dimensions(index) });
  for (; index < batch.eventCount; index++) {
    const { judgement, woken } = judge(batch.fields(index), batch.terms(index), memory, describe, mayWake);
    judgements.push(judgement);
    for (const click of woken) attributions.push({ eventIndex: index, click });
  }
  return { judgements, attributions };
}

/** Rebuilds what judging the batch left in memory, from the recorded verdict, without judging again. */
export function rememberBatch(batch: JudgeableBatch, { judgements, attributions }: BatchVerdict, memory: ShardMemory): void {
  assert(judgements.length === batch.eventCount, 'a commit records one judgement an event');
  memory.expect(batch);
  let index = 0;
  let next = 0;
  const describe = () => ({ clickId: batch.eventId(index), cell: batch.dimensions(index) });
  for (; index < batch.eventCount; index++) {
    const fields = batch.fields(index);
    memory.remember(fields, batch.terms(index), judgements[index]!, describe);
    for (; attributions[next]?.eventIndex === index; next++) memory.applyAttribution(fields.join, attributions[next]!.click);
  }
  assert(next === attributions.length, 'attributions come in the order of their events');
}

function wokenBytes({ clickId, cell }: WaitingClick): number {
  return Object.values(cell).reduce((sum, text) => sum + text.length, WOKEN_NUMBERS_BYTES + clickId.length);
}
