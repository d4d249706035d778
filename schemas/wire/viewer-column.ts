import type { DeltaRow, ViewerHashes } from '../../core/cells/cell.ts';
import { corrupt } from './bytes.ts';
import type { ByteReader, ByteWriter } from './bytes.ts';

const VIEWER_BYTES = 8;

/** Viewer counts of the rows that have any, then all their hashes as they are: they do not compress. */
export function writeViewers(writer: ByteWriter, order: Uint32Array, rows: readonly DeltaRow[]): void {
  for (const i of order) {
    const { viewers } = rows[i]!;
    if (viewers !== null) writer.varint(viewers.length / 2);
  }
  for (const i of order) {
    for (const half of rows[i]!.viewers ?? []) writer.u32(half);
  }
}

/** Viewers by row; rows share one buffer. `bit` of a row's mask says whether it has any. */
export function readViewers(reader: ByteReader, masks: Uint8Array, bit: number): (ViewerHashes | undefined)[] {
  const counts = new Uint32Array(masks.length);
  let total = 0;
  for (let i = 0; i < masks.length; i++) {
    if (masks[i]! > 2 * bit - 1) corrupt('unknown bit in a measure mask');
    if ((masks[i]! & bit) === 0) continue;
    counts[i] = reader.below(reader.remaining, 'viewer count');
    if (counts[i] === 0) corrupt('a row with no viewers says that it has some');
    total += counts[i]!;
  }
  if (total * VIEWER_BYTES > reader.remaining) corrupt(`${total} viewers claimed, ${reader.remaining} bytes left`);
  return slice(readHalves(reader.take(total * VIEWER_BYTES)), counts);
}

function readHalves(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const halves = new Uint32Array(bytes.length / 4);
  for (let i = 0; i < halves.length; i++) halves[i] = view.getUint32(i * 4, true);
  return halves;
}

function slice(halves: Uint32Array, counts: Uint32Array): (ViewerHashes | undefined)[] {
  const viewers: (ViewerHashes | undefined)[] = [];
  let at = 0;
  for (const count of counts) {
    viewers.push(count === 0 ? undefined : halves.subarray(at, at + 2 * count));
    at += 2 * count;
  }
  return viewers;
}
