import type { Statement } from './builder.ts';

/** One row as the engine gives it; 64-bit numbers are texts. */
export type EngineRow = Readonly<Record<string, unknown>>;

/** Whoever answers statements. Throws `RequestError` 503 when it cannot in time. */
export type QueryEngine = {
  rows(statement: Statement): Promise<readonly EngineRow[]>;
};

/** A whole number of the engine's, exactly. */
export function bigintOf(value: unknown): bigint {
  if (typeof value === 'string' || typeof value === 'number') return BigInt(value);
  if (typeof value === 'bigint') return value;
  throw new TypeError(`not a whole number: ${typeof value}`);
}

/** A count as JSON carries it: a number as long as that is exact, else its digits. */
export function jsonInteger(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}
