import { promisify } from 'node:util';
import { brotliDecompress, brotliDecompressSync, gunzip, gunzipSync } from 'node:zlib';
import { TrackingError } from '../../core/errors.ts';
import { SECTION_PACKING } from '../../schemas/wire/frame.ts';

/** How far a section may unpack, at least 1. */
export type UnpackLimit = { readonly maxOutputLength: number };

/** zlib asks for no less. */
const STEP_BYTES_MIN = 64;
/** What one step may set aside before any of it is known to be needed; most sections fit in one. */
const STEP_BYTES_MAX = 1_048_576;

/** Unpacks a section of a frame, no further than to its limit; rejects beyond. */
export type UnpackSection = (packed: Uint8Array, limit: UnpackLimit) => Promise<Uint8Array>;

const brotliAside = promisify(brotliDecompress);
const gunzipAside = promisify(gunzip);

/**
 * Unpacks a section of a frame off the event loop, in few steps: between any two the section waits for its turn, and zlib's own 16 KiB make that
 * thirty times a frame. Rejects what is no packed section, and whatever goes beyond the limit.
 */
export async function unpackSection(packed: Uint8Array, { maxOutputLength }: UnpackLimit): Promise<Uint8Array> {
  // One more than there is to come, or a last step finds out that nothing does.
  const limit = { maxOutputLength, chunkSize: Math.min(Math.max(maxOutputLength + 1, STEP_BYTES_MIN), STEP_BYTES_MAX) };
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
