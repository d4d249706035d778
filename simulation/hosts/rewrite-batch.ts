import type { AdTerms, EdgeTally, TrackedEvent } from '../../core/event.ts';
import { EventBatchReader, EventBatchWriter } from '../../schemas/wire/event-batch.ts';

/** What to change of a batch on its way; what is not named stays. */
export type Rewriting = {
  readonly event?: (event: TrackedEvent) => TrackedEvent;
  readonly terms?: (terms: AdTerms) => AdTerms;
  readonly tallies?: (tallies: readonly EdgeTally[]) => readonly EdgeTally[];
};

/** The same batch, read and written again with changes. */
export function rewriteBatch(bytes: Uint8Array, { event = same, terms = same, tallies = same }: Rewriting): Uint8Array {
  const reader = new EventBatchReader(bytes);
  const writer = new EventBatchWriter();
  for (const ad of reader.ads) writer.adIndex(terms(ad));
  for (let i = 0; i < reader.eventCount; i++) writer.add(event(reader.event(i)));
  for (const tally of tallies(reader.tallies)) writer.tally(tally);
  return writer.finish();
}

function same<Value>(value: Value): Value {
  return value;
}
