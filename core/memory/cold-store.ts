/** One blob of a generation; `table` and `bucket` are small whole numbers that mean nothing to the store. */
export type ColdPage = { readonly table: number; readonly bucket: number; readonly bytes: Uint8Array };

/**
 * Port: where a shard keeps what its RAM may drop. Everything is synchronous, so that a durable object can write pages and its own
 * rows in one transaction. A generation is written once, read at random and deleted whole; a page is at most 512 KiB.
 */
export type ColdStore = {
  /** Writes all pages of a new generation, or none. */
  writePages(generation: number, pages: readonly ColdPage[]): void;
  /** The bytes as they were written; undefined where the generation has no such page. */
  readPage(generation: number, table: number, bucket: number): Uint8Array | undefined;
  /** Every generation that is stored, ascending. */
  generations(): number[];
  /** Removes all pages of a generation; one that does not exist is no error. */
  deleteGeneration(generation: number): void;
};
