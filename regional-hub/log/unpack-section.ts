import { promisify } from 'node:util';
import { brotliDecompress, brotliDecompressSync, gunzip, gunzipSync } from 'node:zlib';
import { TrackingError } from '../../core/errors.ts';
import { SECTION_PACKING } from '../../schemas/wire/frame.ts';

/** How far a section may unpack. */
export type UnpackLimit = { readonly maxOutputLength: number };

const brotliAside = promisify(brotliDecompress);
const gunzipAside = promisify(gunzip);

/** Unpacks a section of a frame off the event loop. Rejects what is no packed section, and whatever goes beyond the limit. */
export async function unpackSection(packed: Uint8Array, limit: UnpackLimit): Promise<Uint8Array> {
  switch (packed[0]) {
    case SECTION_PACKING.brotli:
      return brotliAside(packed.subarray(1), limit);
    case SECTION_PACKING.gzip:
      return gunzipAside(packed, limit);
    default:
      throw unknownPacking();
  }
}

/** As `unpackSection`, at once. */
export function unpackSectionSync(packed: Uint8Array, limit: UnpackLimit): Uint8Array {
  switch (packed[0]) {
    case SECTION_PACKING.brotli:
      return brotliDecompressSync(packed.subarray(1), limit);
    case SECTION_PACKING.gzip:
      return gunzipSync(packed, limit);
    default:
      throw unknownPacking();
  }
}

function unknownPacking(): TrackingError {
  return new TrackingError('corrupt_bytes', 'unknown packing of a section');
}
