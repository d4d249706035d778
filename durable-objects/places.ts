/**
 * Keys of a shard's blobs. Each is one number, so that it can be its table's rowid: a table that is its own index (`WITHOUT ROWID`) reads whole rows to
 * compare keys, and a row here is a blob of up to a megabyte. All stay below 2^53.
 */

/** A commit's parts in the log: `row * LOG_PARTS + part`; the longest commit takes three. */
export const LOG_PARTS = 8;

/** A sealed frame's parts: `seq * FRAME_PARTS + part`. */
export const FRAME_PARTS = 1_024;

/** A page of memory: `generation * GENERATION_PLACES + table * TABLE_PLACES + bucket`; 2^25 generations, a year of one every second. */
export const TABLE_PLACES = 2 ** 23;
const TABLES = 32;
export const GENERATION_PLACES = TABLES * TABLE_PLACES;
