import { ascends } from '../../core/cells/delta.ts';
import { type ByteReader, corrupt } from './byte-reader.ts';

const VIEWER_BYTES = 8;

/** How many viewers each row has, and their hashes row after row as [lo, hi] pairs, ascending within a row. */
export type ViewerColumn = { readonly counts: Uint32Array; readonly halves: Uint32Array };

/** Reads the viewer counts of the rows that have any, then all their hashes as they are: they do not compress. `bit` of a row's mask says whether it has any. */
export function readViewers(reader: ByteReader, masks: Uint8Array, bit: number): ViewerColumn {
  const counts = new Uint32Array(masks.length);
  let total = 0;
  for (let i = 0; i < masks.length; i++) {
    if ((masks[i]! & bit) === 0) continue;
    const count = reader.below(reader.remaining, 'viewer count');
    if (count === 0) corrupt('a row with no viewers says that it has some');
    counts[i] = count;
    total += count;
  }
  if (total * VIEWER_BYTES > reader.remaining) corrupt(`${total} viewers claimed, ${reader.remaining} bytes left`);
  const halves = new Uint32Array(new Uint8Array(reader.take(total * VIEWER_BYTES)).buffer);
  checkOrder(counts, halves);
  return { counts, halves };
}

function checkOrder(counts: Uint32Array, halves: Uint32Array): void {
  let start = 0;
  for (let i = 0; i < counts.length; i++) {
    const end = start + 2 * counts[i]!;
    if (!ascends(halves, start, end)) corrupt('viewers do not ascend');
    start = end;
  }
}
