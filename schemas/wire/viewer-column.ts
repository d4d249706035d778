import { ascends } from '../../core/cells/delta.ts';
import { type ByteReader, corrupt } from './byte-reader.ts';

const VIEWER_BYTES = 8;

/** How many viewers each row has, and their hashes row after row as [lo, hi] pairs, ascending within a row. */
export type ViewerColumn = { readonly counts: Uint32Array; readonly halves: Uint32Array };

/** Which rows have viewers: those whose mask has `bit`, and how many they are. */
export type RowsWithViewers = { readonly masks: Uint8Array; readonly bit: number; readonly rows: number };

/** Reads the viewer counts of the rows that have any, then all their hashes as they are: they do not compress. */
export function readViewers(reader: ByteReader, where: RowsWithViewers): ViewerColumn {
  const written = reader.indices(where.rows, reader.remaining, 'viewer count');
  let total = 0;
  for (let i = 0; i < written.length; i++) total += written[i]!;
  if (total * VIEWER_BYTES > reader.remaining) corrupt(`${total} viewers claimed, ${reader.remaining} bytes left`);
  const halves = new Uint32Array(new Uint8Array(reader.take(total * VIEWER_BYTES)).buffer);
  return { counts: countsByRow(where, written, halves), halves };
}

/** The counts of all rows; refuses rows without viewers that say that they have some, and viewers that do not ascend by their 64 bits. */
function countsByRow({ masks, bit }: RowsWithViewers, written: Uint32Array, halves: Uint32Array): Uint32Array {
  const counts = new Uint32Array(masks.length);
  for (let row = 0, next = 0, at = 0; next < written.length; row++) {
    if ((masks[row]! & bit) === 0) continue;
    const count = written[next++]!;
    if (count === 0) corrupt('a row with no viewers says that it has some');
    counts[row] = count;
    const end = at + 2 * count;
    if (!ascends(halves, at, end)) corrupt('viewers do not ascend');
    at = end;
  }
  return counts;
}
