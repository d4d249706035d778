import { unpackSection } from './log/unpack-section.ts';

/** Unpacks a section, no further than to `maxOutputLength` bytes (at least 1); rejects beyond. */
export type Inflate = typeof unpackSection;

/** Off the event loop. */
export const inflateByZlib: Inflate = unpackSection;
