import type { ColumnType } from '../table.ts';

/** Collects one column of a block in the engine's own layout (format `Native`). */
export type ColumnWriter = {
  readonly type: ColumnType;
  /** Rows so far. */
  readonly length: number;
  /** The column's bytes, in pieces; the writer is spent afterwards. */
  chunks(): Uint8Array[];
};
