import { METERS, PLAN_USD_PER_MONTH, PRICES, type Meter } from './prices.ts';

export const SECONDS_PER_MONTH = 30 * 86_400;
const OBJECT_GB = 0.128;

/** What a million events were seen to use. */
export type UsagePerMillion = Readonly<Record<'workerRequests' | 'workerCpuMs' | 'objectRequests' | 'rowsWritten' | 'rowsRead', number>>;

/** What grows with time and not with events: objects that are awake all month, isolates that read the catalogue once a second. */
export type Standing = { readonly objects: number; readonly isolates: number };

export type BillLine = { readonly meter: Meter; readonly units: number; readonly billedUnits: number; readonly usd: number };
export type Bill = { readonly lines: readonly BillLine[]; readonly usd: number; readonly usdPerMillionEvents: number };

/** A month's bill for so many events. What the plan includes is taken off each meter. */
export function monthlyBill(events: number, usage: UsagePerMillion, { objects, isolates }: Standing): Bill {
  const millions = events / 1e6;
  const units: Readonly<Record<Meter, number>> = {
    workerRequests: usage.workerRequests * millions,
    workerCpuMs: usage.workerCpuMs * millions,
    objectRequests: usage.objectRequests * millions,
    gbSeconds: objects * OBJECT_GB * SECONDS_PER_MONTH,
    rowsWritten: usage.rowsWritten * millions,
    rowsRead: usage.rowsRead * millions,
    kvReads: isolates * SECONDS_PER_MONTH,
  };
  const lines = METERS.map((meter): BillLine => {
    const billedUnits = Math.max(0, units[meter] - PRICES[meter].includedPerMonth);
    return { meter, units: units[meter], billedUnits, usd: (billedUnits / 1e6) * PRICES[meter].usdPerMillion };
  });
  const usd = PLAN_USD_PER_MONTH + lines.reduce((sum, line) => sum + line.usd, 0);
  return { lines, usd, usdPerMillionEvents: usd / millions };
}
